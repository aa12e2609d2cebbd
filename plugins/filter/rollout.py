# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of rollouts: what restarts when, whether it worked, and what is said of it.

``seen`` is what celeryops.systemd.instance_info returned on each host, ``facts`` the facts of each host, and
``elsewhere`` what a loop of instance_info over hosts outside of the play returned.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.module_utils import layout
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import release as files
from ansible_collections.celeryops.systemd.plugins.plugin_utils.rollout import (
    course,
    drain,
    of_queue,
    rollback,
    verdict,
)

Results = Mapping[str, Mapping[str, Any]]


def rollout_results(
    hostvars: Results, hosts: Sequence[str], registers: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """Return for each step what its register holds on each host; nothing where its task has not run."""
    # Ansible gathers the variables of a host anew whenever they are asked for.
    of_host = {host: hostvars[host] for host in hosts}
    return {
        step: {host: variables.get(name) or {} for host, variables in of_host.items()}
        for step, name in registers.items()
    }


def rollout_course(
    seen: Results,
    facts: Results | None = None,
    elsewhere: Sequence[Mapping[str, Any]] = (),
    min_capacity: float = 0.5,
    since: str = "",
    only: Mapping[str, Sequence[str]] | None = None,
    release: str = "",
    targets: Mapping[str, str] | None = None,
    beat_first: bool = False,
) -> dict[str, Any]:
    """Return the batches, and what is said about them."""
    units = _units(seen, elsewhere)
    if release:
        targets = dict.fromkeys(seen, release)
    options = course.Options(
        hosts=tuple(seen),
        share=_share(min_capacity),
        targets=None if targets is None else {host: to for host, to in targets.items() if to},
        links={} if targets is None else {host: _link((facts or {})[host]) for host in seen},
        max_uptime=_age(since),
        only=only,
        beat_first=bool(beat_first),
    )
    batches, former = course.course(units, options), course.former(units, release, options.links)
    silent = [look["item"] for look in elsewhere if "instances" not in look]
    return {
        "batches": [
            asdict(batch) | {"restart": _restarts(batch), "link": _links(batch)} for batch in batches
        ],
        "rows": course.rows(batches, units),
        "notes": course.notes(batches, units, options, silent),
        "former": former,
        "back": {host: [files.link(to), files.mark(release)] for host, to in former.items() if to},
    }


def _units(seen: Results, elsewhere: Sequence[Mapping[str, Any]]) -> list[course.Unit]:
    return course.read({**seen, **{look["item"]: look for look in elsewhere}})


def _link(facts: Mapping[str, Any]) -> str:
    return str(facts["celeryops"]["release"])


def _links(batch: course.Batch) -> dict[str, list[dict[str, str]]]:
    """What celeryops.systemd.managed_files takes."""
    return {host: [files.link(to)] for host, to in batch.switch.items()}


def _restarts(batch: course.Batch) -> dict[str, list[dict[str, Any]]]:
    """What celeryops.systemd.units takes."""
    found: dict[str, list[dict[str, Any]]] = {}
    for host, names in batch.units.items():
        extras = batch.extras.get(host, [])
        found[host] = [{"name": name, "state": "restarted"} for name in names if name not in extras]
        found[host] += [
            # The host's scaler may have started a spare one since, from the release of before.
            {"name": name, "optional": True}
            | ({"state": "restarted"} if name in names else {"state": "started", "inputs": [layout.CURRENT]})
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


def rollout_verdict(results: Mapping[str, Results], batch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the problems and the suspects."""
    return asdict(verdict.judge(batch, results))


def rollout_message(
    found: Mapping[str, Any],
    *,
    what: str,
    course: Mapping[str, Any],
    number: int,
    began: str,
    journals: Results,
    release: str = "",
    back: Mapping[str, Any] | None = None,
) -> str:
    """Return what a rollout ends with that did not work."""
    stop = verdict.Stop(what, course["batches"], int(number), began, release, course["former"])
    texts = {host: result["stdout"] for host, result in journals.items() if result.get("stdout")}
    return verdict.message(stop, verdict.Verdict(**found), texts, verdict.Verdict(**(back or {})))


def rollout_target(
    seen: Results,
    facts: Results | None = None,
    wanted: str = "",
    queue: str = "",
    queues: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the units of a queue, or the release to go back to, and the problems that stand against it."""
    if queue:
        units, problems = of_queue.units(seen, str(queue), queues or {})
        return {"units": units, "problems": problems}
    kept = {host: _kept(look, (facts or {})[host]["celeryops"]) for host, look in seen.items()}
    release, problems = rollback.target(kept, str(wanted))
    marks = {host: [files.mark(its.current)] for host, its in kept.items() if its.current != release}
    return {"release": release, "problems": problems, "files": marks}


def _kept(look: Mapping[str, Any], facts: Mapping[str, Any]) -> rollback.Kept:
    running = frozenset(row["release"] for row in look["instances"] if row["release"])
    return rollback.Kept(facts["release"], facts["releases"], facts["deployed"], running)


def drain_course(
    seen: Results,
    elsewhere: Sequence[Mapping[str, Any]] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    limited: bool = True,
    unserved: bool = False,
    drained: bool = True,
) -> dict[str, Any]:
    """Return the problems, the notes and the units."""
    units, hosts = _units(seen, elsewhere), list(seen)
    return {
        "problems": drain.problems(units, hosts, limited, unserved) if drained else [],
        "notes": drain.notes(hosts, groups or {}) if drained else [],
        "units": {host: drain.desired(units, host, drained) for host in hosts},
        "files": [drain.mark(datetime.now(timezone.utc) if drained else None)],
        "patience": max((unit.stop_timeout for unit in units if unit.host in hosts), default=0),
    }


class FilterModule:
    """Names the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by their names."""
        return {
            "rollout_results": rollout_results,
            "rollout_course": rollout_course,
            "rollout_verdict": rollout_verdict,
            "rollout_message": rollout_message,
            "rollout_target": rollout_target,
            "drain_course": drain_course,
        }
