# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.broker_primary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import address, sentinel, url

DOCUMENTATION = r"""
name: broker_primary
short_description: Where the primary of a Redis on several hosts is
description:
  - Returns what a host of the group C(celery_broker) that knows nothing yet is told.
  - That is what the Sentinels last agreed on, as M(celeryops.systemd.host_facts) found it. Before there were
    any it is the host that has been the broker, or the first one.
positional: groups
extends_documentation_fragment: celeryops.systemd.inventory
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Show the primary
  ansible.builtin.debug:
    msg: "{{ (hostvars | celeryops.systemd.broker_primary(groups, host=inventory_hostname))['primary'] }}"
"""

RETURN = r"""
_value:
  description:
    - C(primary), its address, and C(own), the address of the host that asks.
    - C(sentinel), the URL of the Sentinel on that host, without a login.
    - C(quorum), how many Sentinels have to miss a primary.
  type: dict
"""


def broker_primary(
    hostvars: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]], host: str
) -> dict[str, Any]:
    """Return it; where it cannot be told, that is an Ansible error."""
    try:
        places = address.broker_addresses(hostvars, groups)
        return {
            "primary": address.primary_address(hostvars, groups),
            "own": places[host],
            "sentinel": url.own_sentinel_url(hostvars, host),
            "quorum": sentinel.quorum(len(places)),
        }
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"broker_primary": broker_primary}
