# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.rollout_verdict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.rollout import verdict

DOCUMENTATION = r"""
name: rollout_verdict
short_description: What is wrong after a batch of a rollout
description:
  - Reads on each host the results that the tasks of the batch left in C(__rollout_switch),
    C(__rollout_restart), C(__rollout_look) and C(__rollout_smoke).
  - What worked when the rollout began has to work still, in this batch or not.
positional: hosts, batch
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
  batch:
    description: The batch, from P(celeryops.systemd.rollout_course#filter).
    type: dict
    required: true
  steps:
    description: The tasks whose results count.
    type: list
    elements: str
    default: [switch, restart, look, smoke]
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Decide whether the next batch may start
  ansible.builtin.set_fact:
    verdict: "{{ hostvars | celeryops.systemd.rollout_verdict(ansible_play_hosts_all, batch) }}"
"""

RETURN = r"""
_value:
  description:
    - C(problems), none when all is well.
    - C(suspects), the units on each host whose journal is worth reading.
  type: dict
"""

STEPS = ("switch", "restart", "look", "smoke")


def rollout_verdict(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    batch: Mapping[str, Any],
    steps: Sequence[str] = STEPS,
) -> dict[str, Any]:
    """Return the problems and the suspects."""
    results = {
        host: {step: hostvars[host].get(f"__rollout_{step}") or {} for step in steps} for host in hosts
    }
    return asdict(verdict.judge(batch, results))


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"rollout_verdict": rollout_verdict}
