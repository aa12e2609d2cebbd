# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.import_failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import app_command

DOCUMENTATION = r"""
name: import_failure
short_description: Why the app was not imported, in words that an operator can act on
description:
  - What the import said, or why its Python was not started, such as a sandbox with a path that is missing.
positional: host, virtualenv
options:
  _input:
    description: The result of the command that C(celeryops.systemd.app_command) made.
    type: dict
    required: true
  host:
    description: The host, C(inventory_hostname).
    type: str
    required: true
  virtualenv:
    description: The virtual environment whose Python was to import the app.
    type: str
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Say why
  ansible.builtin.fail:
    msg: "{{ imported | celeryops.systemd.import_failure(inventory_hostname, '/opt/celery/current/venv') }}"
"""

RETURN = r"""
_value:
  description: The message.
  type: str
"""


def import_failure(result: Mapping[str, Any], host: str, virtualenv: str) -> str:
    """Return the message."""
    return app_command.import_failure(result, host, virtualenv)


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filter by its name."""
        return {"import_failure": import_failure}
