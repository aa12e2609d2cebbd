# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.worker_plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import PlanError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import planning
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.planning import HostPlan

DOCUMENTATION = r"""
name: worker_plan
short_description: Every Celery instance of a host, with numbers that fit the host
description:
  - Budgets the whole host at once. Reserves what the system and the host's other roles need, divides the rest
    by weight, and sizes each instance by what its share of the CPU and of the memory allows.
  - Each number comes with the reason for it.
  - A wrong spec, a host that is too small and unknown facts end in one error that lists every problem.
  - What is asked for and has no effect is told as a warning.
positional: host, groups, facts, defaults
extends_documentation_fragment: celeryops.systemd.queues
options:
  defaults:
    description:
      - The fleet's own figures, each of them optional.
      - C(soft_time_limit) and C(time_limit) in seconds, for queues that set none.
      - C(reserve), a dictionary of MB for C(system), C(broker), C(beat) and C(flower); V(0) derives a part.
      - C(packages), C(celery_app_packages); with gevent among them, C(auto) is gevent for an C(io) queue.
      - C(settings), C(celery_app_settings), which tell whether RabbitMQ's queues are quorum queues.
    type: dict
    default: {}
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Plan the host
  ansible.builtin.set_fact:
    plan: >-
      {{ celery_worker_queues
         | celeryops.systemd.worker_plan(host=inventory_hostname, groups=groups, facts=ansible_facts) }}
"""

RETURN = r"""
_value:
  description: The plan of the host.
  type: dict
  contains:
    host:
      description: The host.
      type: str
    cores:
      description: The cores that its workers may use.
      type: float
    memory_mb:
      description: Its memory in MB.
      type: int
    reserve:
      description: What the workers leave alone, C(memory_mb), C(cores), its C(parts) and C(why).
      type: dict
    slice:
      description:
        - The bounds of C(celery.slice), in which workers, beat and Flower run.
        - C(memory_high_mb), C(memory_max_mb), C(memory_swap_max_mb), C(tasks_max) and C(why).
      type: dict
    instances:
      description: The instances of the host, ordered by queue and pool.
      type: list
      elements: dict
      contains:
        name:
          description: The instance, C(<queue>-<pool>), with a number from the second on.
          type: str
        unit:
          description: Its unit.
          type: str
        node:
          description: The node name by which Celery knows it.
          type: str
        queue:
          description: The queue of the inventory.
          type: str
        consumes:
          description: The queues of the broker that it consumes.
          type: list
          elements: str
        pool:
          description: Its pool.
          type: str
        concurrency:
          description: How many tasks it runs at a time; the most, with C(autoscale).
          type: int
        autoscale:
          description: The bounds C(min) and C(max), or null when the concurrency is fixed.
          type: dict
        prefetch_multiplier:
          description: How many messages it holds for each slot.
          type: int
        max_tasks_per_child:
          description: After how many tasks a child is replaced, or null.
          type: int
        max_memory_per_child_kb:
          description: The peak in KB past which a child is replaced, or null without children.
          type: int
        memory_high_mb:
          description: MemoryHigh of the unit in MB.
          type: int
        memory_max_mb:
          description: MemoryMax of the unit in MB.
          type: int
        memory_swap_max_mb:
          description: MemorySwapMax of the unit in MB.
          type: int
        oom_policy:
          description: OOMPolicy of the unit.
          type: str
        cpu_weight:
          description: CPUWeight of the unit.
          type: int
        cpu_quota:
          description: CPUQuota of the unit in percent of one core, or null.
          type: int
        tasks_max:
          description: TasksMax of the unit.
          type: int
        limit_nofile:
          description: LimitNOFILE of the unit.
          type: int
        soft_time_limit:
          description: The soft limit of a task in seconds.
          type: int
        time_limit:
          description: The hard limit of a task in seconds.
          type: int
        stop_timeout:
          description: How long a stop may take, in seconds.
          type: int
        stop_within:
          description:
            - Seconds that running tasks get at a stop before they go back to their queue.
            - None waits for them.
          type: int
        proc_alive_timeout:
          description: How long a child may take to come up, in seconds.
          type: int
        arguments:
          description: Further words of its command line.
          type: list
          elements: str
        scale:
          description: When it starts and drains, if it is an extra instance; null when it always runs.
          type: dict
        why:
          description: The reason for each number and choice.
          type: dict
    warnings:
      description: What is asked for and has no effect on this host.
      type: list
      elements: str
"""


def worker_plan(
    queues: Mapping[str, Any],
    host: str,
    groups: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> HostPlan:
    """Return the plan of a host; what cannot be planned is an Ansible error."""
    for name, value in {
        "queues": queues,
        "groups": groups,
        "facts": facts,
        "defaults": defaults or {},
    }.items():
        if not isinstance(value, Mapping):
            raise AnsibleFilterError(f"worker_plan: {name} must be a dictionary, not {type(value).__name__}")
    try:
        planned = planning.worker_plan(queues, host, groups, facts, defaults or {})
    except PlanError as error:
        raise AnsibleFilterError(str(error)) from error
    for warning in planned["warnings"]:
        Display().warning(warning)
    return planned


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., HostPlan]]:
        """Return the filter by its name."""
        return {"worker_plan": worker_plan}
