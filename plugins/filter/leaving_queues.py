# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.leaving_queues."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import abandoned
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report import status

DOCUMENTATION = r"""
name: leaving_queues
short_description: Queues that leave the fleet with their last host, and what stands against it
description:
  - A queue leaves where a host has traces of its workers and no host of the inventory serves it any more.
  - Rests on the facts of M(celeryops.systemd.host_facts). What waits in them is asked from the broker, and
    only where there are any.
positional: hosts
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
  groups:
    description: The inventory's groups, C(groups).
    type: dict
    required: true
  queues:
    description: The queues of the inventory, C(celery_worker_queues).
    type: dict
    required: true
  report:
    description: The result of the command that asked the broker; not given before it is asked.
    type: dict
  choice:
    description: What C(celery_worker_leaving_queues) says, V(refuse) or V(wait).
    type: str
    default: refuse
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Find the queues that leave
  ansible.builtin.set_fact:
    leaving: >-
      {{ hostvars | celeryops.systemd.leaving_queues(ansible_play_hosts_all, groups=groups,
                                                     queues=celery_worker_queues) }}
"""

RETURN = r"""
_value:
  description:
    - C(queues), the names; C(reporter), a host to ask from, empty where there is nothing to ask; C(problems).
  type: dict
"""


def leaving_queues(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    queues: Mapping[str, Any],
    report: Mapping[str, Any] | None = None,
    choice: str = "refuse",
) -> dict[str, Any]:
    """Return the queues, whom to ask, and the problems."""
    facts = {host: hostvars[host].get("ansible_facts", {}).get("celeryops", {}) for host in hosts}
    workers = {host: told.get("workers", ()) for host, told in facts.items()}
    leaving = abandoned.left(workers, groups, queues)
    answer = status.parse_report((report or {}).get("stdout", ""))
    return {
        "queues": list(leaving),
        "reporter": min(next(iter(leaving.values()))) if leaving and choice != "wait" else "",
        "problems": abandoned.problems(leaving, answer["queues"] if answer else None, choice),
    }


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"leaving_queues": leaving_queues}
