# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.broker_sentinel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import url

DOCUMENTATION = r"""
name: broker_sentinel
short_description: The options by which a host finds the primary behind Sentinels
description:
  - Returns C(master_name) and C(sentinel_kwargs), as C(broker_transport_options) of Celery takes them.
  - Those of an external broker come from C(broker_sentinel_name), C(broker_sentinel_user) and
    C(broker_sentinel_password).
positional: groups
extends_documentation_fragment: celeryops.systemd.inventory
options:
  login:
    description: Whom it logs in, as for P(celeryops.systemd.broker_url#filter).
    type: str
    choices: [worker, monitor]
    default: worker
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Ask the primary, whichever host it is on
  celeryops.systemd.broker_ping:
    url: "{{ hostvars | celeryops.systemd.broker_url(groups, host=inventory_hostname) }}"
    sentinel: "{{ hostvars | celeryops.systemd.broker_sentinel(groups, host=inventory_hostname) }}"
  no_log: true
"""

RETURN = r"""
_value:
  description:
    - The options; empty where the broker is not behind Sentinels.
    - They hold a password, so what uses them must not be logged.
  type: dict
"""


def broker_sentinel(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    host: str,
    login: str = "worker",
) -> dict[str, Any]:
    """Return the options; a wrong inventory is an Ansible error."""
    try:
        return url.sentinel_options(hostvars, groups, host, login)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"broker_sentinel": broker_sentinel}
