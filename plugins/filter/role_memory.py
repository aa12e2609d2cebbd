# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.role_memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import broker
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import budget

DOCUMENTATION = r"""
name: role_memory
short_description: The MB that the unit of a role may use on its host
description:
  - Returns what the plan of the workers leaves to the role, so that unit and plan agree.
positional: role
options:
  _input:
    description: The host's facts, C(ansible_facts).
    type: dict
    required: true
  role:
    description: The role.
    type: str
    choices: [beat, broker, flower]
    required: true
  fixed:
    description: The MB that the operator names; V(0) derives them.
    type: int
    default: 0
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Tell what Flower may use
  ansible.builtin.debug:
    msg: "MemoryMax={{ ansible_facts | celeryops.systemd.role_memory('flower') }}M"
"""

RETURN = r"""
_value:
  description: The memory in MB.
  type: int
"""


def role_memory(facts: Mapping[str, Any], role: str, fixed: int = 0) -> int:
    """Return the MB that the role's unit may use."""
    return int(fixed) or budget.ROLE_PARTS[role].memory_mb(broker.host_memory_mb(facts))


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., int]]:
        """Return the filter by its name."""
        return {"role_memory": role_memory}
