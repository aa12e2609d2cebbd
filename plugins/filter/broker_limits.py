# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.broker_limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import address, limits

DOCUMENTATION = r"""
name: broker_limits
short_description: What Redis may hold, and what its unit may use
description:
  - Derives Redis's C(maxmemory) and its unit's C(MemoryMax) from the memory of the host.
  - The unit may use three quarters of a host of its own. Beside workers, beat or Flower it may use what the
    plan of the workers leaves it.
  - C(maxmemory) is half of that but 32 MB, for the child that rewrites the append-only file needs room.
positional: groups
options:
  _input:
    description: The host's facts, C(ansible_facts).
    type: dict
    required: true
  groups:
    description: The inventory's groups, C(groups); they tell whether others share the host.
    type: dict
    required: true
  host:
    description: The host that runs the broker.
    type: str
    required: true
  memory_max_mb:
    description: The unit's limit in MB; V(0) derives it.
    type: int
    default: 0
  maxmemory_mb:
    description: C(maxmemory) in MB; V(0) derives it from the unit's limit.
    type: int
    default: 0
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Tell what the broker may use
  ansible.builtin.debug:
    msg: "{{ ansible_facts | celeryops.systemd.broker_limits(groups, inventory_hostname) }}"
# {"maxmemory_mb": 752, "memory_max_mb": 1536, "why": "1536 of 2048 MB, for the host is its own",
#  "clients": 10000, "disk_mb": 2256}
"""

RETURN = r"""
_value:
  description:
    - C(maxmemory_mb), C(memory_max_mb) and C(why).
    - Also C(clients), how many may be connected, and C(disk_mb), what the append-only file may need.
  type: dict
"""


def broker_limits(
    facts: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    host: str,
    memory_max_mb: int = 0,
    maxmemory_mb: int = 0,
) -> dict[str, Any]:
    """Return the limits as a dictionary; a host that is too small is an Ansible error."""
    shared, beside = address.shares_host(groups, host), limits.sentinel_mb(groups)
    asked = int(memory_max_mb), int(maxmemory_mb)
    try:
        return asdict(limits.memory_limits(limits.host_memory_mb(facts), shared, *asked, beside))
    except ValueError as error:
        raise AnsibleFilterError(f"{host}: broker_maxmemory_mb = {maxmemory_mb}: {error}") from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"broker_limits": broker_limits}
