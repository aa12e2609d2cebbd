# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.rollout_course."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.rollout import course

CURRENT = "/opt/celery/current"
DOCUMENTATION = r"""
name: rollout_course
short_description: What restarts in which batch, so that no queue is left alone
description:
  - Parts the workers that run into batches. While a batch restarts, every queue keeps a consumer elsewhere
    and the share of its capacity that is asked for. A queue that cannot, for it has one worker only, comes
    last and is named in the notes.
  - Beat has a batch of its own after the workers, and Flower after beat. Flower restarts only where no
    release is rolled out, for it has an environment of its own.
  - What was stopped by hand or drained is left alone. Extra workers restart with the others, but nobody
    counts on them, for the host's scaler may drain them at any moment.
  - It rests on what M(celeryops.systemd.instance_info) saw, in C(__rollout_seen) of each host, and where
    releases are rolled out on the link in the facts of M(celeryops.systemd.host_facts).
positional: hosts
options:
  _input:
    description: The variables of every host, C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts that may be touched, C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  elsewhere:
    description: The results of looks at other hosts, whose workers count as consumers and do not restart.
    type: list
    elements: dict
    default: []
  min_capacity:
    description: The share of each queue's capacity that has to stay, from 0 to 1. One consumer always has to.
    type: float
    default: 0.5
  since:
    description: Restart only what has run since before this time, such as C(2026-11-21T11:30:00Z).
    type: str
    default: ""
  only:
    description: Restart only these units of each host, by their full names. Unset restarts all.
    type: dict
  release:
    description: Roll out this release; units that run it already are left alone.
    type: str
    default: ""
  targets:
    description: Roll out a release for each host instead; hosts without one are left alone.
    type: dict
  beat_first:
    description: Restart beat before the workers, as on the way back to an older release.
    type: bool
    default: false
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Plan the batches
  ansible.builtin.set_fact:
    course: "{{ hostvars | celeryops.systemd.rollout_course(ansible_play_hosts_all, min_capacity=0.7) }}"
"""

RETURN = r"""
_value:
  description:
    - C(batches), each with the units to restart on each host and what has to be well after it.
    - C(rows) and C(notes), which show them to a person.
    - C(former), the release that each host goes back to when the new one does not work.
  type: dict
"""


def rollout_course(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    elsewhere: Sequence[Mapping[str, Any]] = (),
    min_capacity: float = 0.5,
    since: str = "",
    only: Mapping[str, Sequence[str]] | None = None,
    release: str = "",
    targets: Mapping[str, str] | None = None,
    beat_first: bool = False,
) -> dict[str, Any]:
    """Return the batches, and what is said about them."""
    seen = {host: hostvars[host].get("__rollout_seen") or {} for host in hosts}
    seen |= {look["item"]: look for look in elsewhere}
    units = course.read(seen)
    if release:
        targets = dict.fromkeys(hosts, release)
    options = course.Options(
        hosts=tuple(hosts),
        share=_share(min_capacity),
        targets=None if targets is None else {host: to for host, to in targets.items() if to},
        links={} if targets is None else {host: _link(hostvars[host]) for host in hosts},
        max_uptime=_age(since),
        only=only,
        beat_first=bool(beat_first),
    )
    batches = course.course(units, options)
    silent = [look["item"] for look in elsewhere if "instances" not in look]
    return {
        "batches": [asdict(batch) | {"restart": _restarts(batch)} for batch in batches],
        "rows": course.rows(batches, units),
        "notes": course.notes(batches, units, options, silent),
        "former": course.former(units, release, options.links),
    }


def _link(variables: Mapping[str, Any]) -> str:
    return str(variables["ansible_facts"]["celeryops"]["release"])


def _restarts(batch: course.Batch) -> dict[str, list[dict[str, Any]]]:
    """What celeryops.systemd.units takes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for host, names in batch.units.items():
        extras = batch.extras.get(host, [])
        found[host] = [{"name": name, "state": "restarted"} for name in names if name not in extras]
        found[host] += [
            # The host's scaler may have started a spare one since, from the release of before.
            {"name": name, "optional": True}
            | ({"state": "restarted"} if name in names else {"state": "started", "inputs": [CURRENT]})
            for name in extras
        ]
    return found


def _share(value: object) -> float:
    """Return the share; a number from the command line is a word."""
    try:
        share = float(str(value))
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise AnsibleFilterError(
            f"rollout_min_capacity = {value}: is no share; give a number from 0 to 1, such as 0.5 for a half"
        )
    return share


def _age(since: str) -> float | None:
    """Return how many seconds ago that was."""
    if not since:
        return None
    try:
        then = datetime.fromisoformat(str(since).replace("Z", "+00:00"))
    except ValueError:
        raise AnsibleFilterError(
            f"rollout_since = {since}: is no time; give one such as 2026-11-21T11:30:00Z"
        ) from None
    return (datetime.now(timezone.utc) - (then if then.tzinfo else then.astimezone())).total_seconds()


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"rollout_course": rollout_course}
