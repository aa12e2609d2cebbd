# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.drain_course."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.rollout import course, drain

DOCUMENTATION = r"""
name: drain_course
short_description: What stops when hosts are taken out, and what stands against it
description:
  - Rests on what M(celeryops.systemd.instance_info) saw, in C(__rollout_seen) of each host.
positional: hosts
options:
  _input:
    description: The variables of every host, C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts to take out, C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  elsewhere:
    description: The results of looks at the other hosts.
    type: list
    elements: dict
    default: []
  groups:
    description: The inventory's groups, C(groups).
    type: dict
    default: {}
  limited:
    description: Whether the operator named the hosts.
    type: bool
    default: true
  unserved:
    description: Whether queues may be left without a worker.
    type: bool
    default: false
  drained:
    description: Whether the hosts go out, or come back.
    type: bool
    default: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Plan the drain
  ansible.builtin.set_fact:
    drain: "{{ hostvars | celeryops.systemd.drain_course(ansible_play_hosts_all, groups=groups) }}"
"""

RETURN = r"""
_value:
  description:
    - C(problems) that stand against it, C(notes) that the operator has to know.
    - C(units) of each host as M(celeryops.systemd.units) takes them.
    - C(patience), the seconds that the slowest of them may take to stop.
  type: dict
"""


def drain_course(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    elsewhere: Sequence[Mapping[str, Any]] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    limited: bool = True,
    unserved: bool = False,
    drained: bool = True,
) -> dict[str, Any]:
    """Return the problems, the notes and the units."""
    seen = {host: hostvars[host].get("__rollout_seen") or {} for host in hosts}
    units = course.read(seen | {look["item"]: look for look in elsewhere})
    return {
        "problems": drain.problems(units, hosts, limited, unserved) if drained else [],
        "notes": drain.notes(hosts, groups or {}) if drained else [],
        "units": {host: drain.desired(units, host, drained) for host in hosts},
        "patience": max((unit.stop_timeout for unit in units if unit.host in hosts), default=0),
    }


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"drain_course": drain_course}
