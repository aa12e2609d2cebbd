# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.concurrency."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import PlanError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import planning

DOCUMENTATION = r"""
name: concurrency
short_description: How many tasks one instance runs at a time
description:
  - Sizes one instance that has the given cores and memory to itself, by the same arithmetic as
    P(celeryops.systemd.worker_plan#filter), for those who write their units themselves.
positional: cores, memory_mb
options:
  _input:
    description: What the queue needs, one value of C(celery_worker_queues).
    type: dict
    required: true
  cores:
    description: The cores that the instance may use.
    type: float
    required: true
  memory_mb:
    description: The memory in MB that the instance may use (its MemoryMax).
    type: int
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Size one worker by hand
  ansible.builtin.debug:
    msg: "{{ {'workload': 'mixed', 'app_memory_mb': 200} | celeryops.systemd.concurrency(4, 4096) }}"
# 11
"""

RETURN = r"""
_value:
  description: The concurrency.
  type: int
"""


def concurrency(spec: Mapping[str, Any], cores: float, memory_mb: int) -> int:
    """Return the concurrency of one instance; a wrong spec or too little memory is an Ansible error."""
    for name, value in {"cores": cores, "memory_mb": memory_mb}.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise AnsibleFilterError(f"concurrency: {name} must be a number above 0, not {value!r}")
    try:
        return planning.concurrency(spec, cores, int(memory_mb))
    except PlanError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., int]]:
        """Return the filter by its name."""
        return {"concurrency": concurrency}
