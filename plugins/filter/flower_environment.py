# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.flower_environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils import flower

DOCUMENTATION = r"""
name: flower_environment
short_description: The environment file that Flower is started with
description:
  - Returns the lines of a file for C(EnvironmentFile=), quoted as systemd reads them.
  - Flower takes every option from C(FLOWER_*) variables, so that no login stands in a command line.
positional: broker_url, result_backend
options:
  _input:
    description:
      - The variables of the role without their prefix.
      - C(address), C(port), C(users), C(oauth), C(max_tasks), C(environment).
      - Also C(url_prefix), C(xheaders), C(cookie_secret), and C(memory_max_mb) of the unit.
    type: dict
    required: true
  broker_url:
    description: The URL of the broker as the host reaches it.
    type: str
    required: true
  result_backend:
    description: The URL of the result backend; empty leaves results out.
    type: str
    default: ''
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Write what Flower is started with
  celeryops.systemd.managed_files:
    files:
      - path: /etc/conf.d/celery/flower.env
        content: "{{ asked | celeryops.systemd.flower_environment(broker_url) }}"
        mode: '0600'
  no_log: true
"""

RETURN = r"""
_value:
  description: The content of the file. It holds secrets, so what uses it must not be logged.
  type: str
"""


def flower_environment(asked: Mapping[str, Any], broker_url: str, result_backend: str = "") -> str:
    """Return the content of the file; what systemd could not read is an Ansible error."""
    try:
        return flower.environment(asked, broker_url, result_backend)
    except ValueError as error:
        raise AnsibleFilterError(f"flower_environment: {error}") from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filter by its name."""
        return {"flower_environment": flower_environment}
