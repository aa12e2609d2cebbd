# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.leaving."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import leaving as decision

DOCUMENTATION = r"""
name: leaving
short_description: The roles whose traces have to go from a host
description:
  - What the host still has, although the inventory no longer puts it there.
positional: host, groups, instances
options:
  _input:
    description: What M(celeryops.systemd.host_facts) says of the host, C(ansible_facts['celeryops']).
    type: dict
    required: true
  host:
    description: The host's name in the inventory, C(inventory_hostname).
    type: str
    required: true
  groups:
    description: The inventory's groups, C(groups).
    type: dict
    required: true
  instances:
    description: The worker instances that the plan puts on the host.
    type: list
    elements: dict
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Remove Flower from where it no longer runs
  ansible.builtin.include_role:
    name: celeryops.systemd.flower
  vars:
    flower_state: absent
    leaving: >-
      {{ ansible_facts['celeryops']
         | celeryops.systemd.leaving(inventory_hostname, groups, plan['instances']) }}
  when: "'flower' in leaving"
"""

RETURN = r"""
_value:
  description: C(celery_worker), C(celery_beat), C(flower) and C(resource_limits), those that go.
  type: list
  elements: str
"""


def leaving(
    facts: Mapping[str, Any], host: str, groups: Mapping[str, Sequence[str]], instances: Sequence[object]
) -> list[str]:
    """Return the roles."""
    return decision.leaving(host, groups, instances, facts["units"], facts["workers"])


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"leaving": leaving}
