# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.worker_problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import Problem
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import worker_checks

DOCUMENTATION = r"""
name: worker_problems
short_description: What is wrong with the queues that the inventory asks for
description:
  - Returns one line for each problem, with host, variable, value, what is wrong, and the fix.
  - Covers the specs of the queues, the groups of the inventory, time limits, and whether the host is large
    enough. It never raises for what an operator may write.
  - Each host tells of its own queues; what concerns the whole fleet is told by the first of O(play_hosts).
  - Used by the preflight of the role P(celeryops.systemd.celery_worker#role).
positional: host, groups, facts, defaults
extends_documentation_fragment: celeryops.systemd.queues
options:
  defaults:
    description:
      - The fleet's own figures, each of them optional.
      - C(soft_time_limit) and C(time_limit) in seconds, for queues that set none.
      - C(reserve), a dictionary of MB for C(system), C(broker), C(beat) and C(flower); V(0) derives a part.
      - C(visibility_timeout) and C(consumer_timeout) (V(0) derives them) and C(longest_countdown) in seconds.
      - C(acks_late), whether tasks are acknowledged after they ran, V(true) unless the inventory says no.
    type: dict
    default: {}
  play_hosts:
    description: The hosts of the play, C(ansible_play_hosts_all); without it, those of the group C(celery).
    type: list
    elements: str
    default: []
seealso:
  - plugin: celeryops.systemd.worker_plan
    plugin_type: filter
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check what the workers are asked for
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: >-
      {{ celery_worker_queues
         | celeryops.systemd.worker_problems(host=inventory_hostname, groups=groups, facts=ansible_facts,
                                             play_hosts=ansible_play_hosts_all) }}
"""

RETURN = r"""
_value:
  description: The problems; empty when all is well.
  type: list
  elements: str
"""


def worker_problems(
    queues: object,
    host: str,
    groups: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
    play_hosts: Sequence[str] = (),
) -> list[str]:
    """Return each problem as its message."""
    for name, value in {"groups": groups, "facts": facts, "defaults": defaults or {}}.items():
        if not isinstance(value, Mapping):
            raise AnsibleFilterError(
                f"worker_problems: {name} must be a dictionary, not {type(value).__name__}"
            )
    if not isinstance(queues, Mapping):
        fix = "write it as {mail: {workload: io}}, each queue with what it needs"
        return [Problem("celery_worker_queues", queues, "not a mapping of queues", fix).text(host)]
    settings = defaults or {}
    problems = worker_checks.host_problems(queues, host, groups, facts, settings)
    hosts = list(play_hosts or groups.get("celery") or [host])
    if hosts[0] == host:
        problems += worker_checks.fleet_problems(queues, groups)
        problems += worker_checks.unserved_problems(queues, groups, hosts, settings)
    return [problem.text(host) for problem in problems]


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"worker_problems": worker_problems}
