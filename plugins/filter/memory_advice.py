# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.memory_advice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import measure
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report import status

DOCUMENTATION = r"""
name: memory_advice
short_description: The memory to write down for each queue, from what its workers use
description:
  - Joins what M(celeryops.systemd.memory_info) measured on each host with what the workers report, and takes
    the most that the fleet has seen, with headroom.
  - A queue whose workers have run too few tasks, or for too short a time, keeps what it has, and a note says
    so.
positional: queues, hosts
options:
  _input:
    description: The variables of every host, C(hostvars).
    type: dict
    required: true
  queues:
    description: The queues of the inventory, C(celery_worker_queues).
    type: dict
    required: true
  hosts:
    description: The hosts to look at.
    type: list
    elements: str
    required: true
  found:
    description: Name of the variable in which each host keeps the result of the module.
    type: str
    required: true
  report:
    description: The result of the command that asked the workers.
    type: dict
    default: {}
  min_tasks:
    description: Tasks that the workers of a queue must have run.
    type: int
    default: 300
  min_uptime:
    description: Seconds that one of them must have been up.
    type: int
    default: 3600
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Print what to write
  ansible.builtin.debug:
    msg: "{{ advice['queues'] | to_nice_yaml }}"
  vars:
    advice: >-
      {{ hostvars
         | celeryops.systemd.memory_advice(celery_worker_queues, groups['celery'], found='measured') }}
"""

RETURN = r"""
_value:
  description:
    - C(rows) and C(notes), as M(celeryops.systemd.table) takes them.
    - C(queues), those of the inventory with the measured values in them.
    - C(reporter), the host from which the workers can be asked, null without any.
  type: dict
"""


def memory_advice(
    hostvars: Mapping[str, Mapping[str, Any]],
    queues: Mapping[str, Any],
    hosts: Sequence[str],
    found: str,
    report: Mapping[str, Any] | None = None,
    min_tasks: int = measure.MIN_TASKS,
    min_uptime: int = measure.MIN_UPTIME,
) -> dict[str, Any]:
    """Return rows, notes and queues; wrong types are an Ansible error."""
    if not isinstance(queues, Mapping) or not all(isinstance(raw or {}, Mapping) for raw in queues.values()):
        raise AnsibleFilterError("memory_advice: celery_worker_queues is not a dictionary of dictionaries")
    if isinstance(hosts, str) or not isinstance(hosts, Sequence):
        raise AnsibleFilterError(f"memory_advice: hosts = {hosts}: give a list of hosts")
    seen = {host: hostvars[host].get(found) or {} for host in hosts}
    answer = status.parse_report((report or {}).get("stdout", "")) or {"nodes": {}}
    advice = measure.measured(queues, seen, answer["nodes"], int(min_tasks), int(min_uptime))
    return {**advice, "reporter": status.reporter(seen)}


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"memory_advice": memory_advice}
