# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.queue_units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.rollout import of_queue

DOCUMENTATION = r"""
name: queue_units
short_description: The units of one queue on each host
description:
  - Rests on what M(celeryops.systemd.instance_info) saw, in C(__rollout_seen) of each host.
positional: hosts, queue, queues
options:
  _input:
    description: The variables of every host, C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts of the play, C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  queue:
    description: The queue.
    type: str
    required: true
  queues:
    description: The queues of the inventory, C(celery_worker_queues).
    type: dict
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Find the units of a queue
  ansible.builtin.set_fact:
    found: >-
      {{ hostvars | celeryops.systemd.queue_units(ansible_play_hosts_all, 'mail', celery_worker_queues) }}
"""

RETURN = r"""
_value:
  description: The C(units) of each host, and the C(problems) that stand against it.
  type: dict
"""


def queue_units(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], queue: str, queues: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the units and the problems."""
    seen = {host: hostvars[host].get("__rollout_seen") or {} for host in hosts}
    units, problems = of_queue.units(seen, str(queue), queues)
    return {"units": units, "problems": problems}


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"queue_units": queue_units}
