# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The fleet's state for a person: what each host's systemd says, joined with what the workers say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..inventory.problems import one_line
from .state import SINGLES, Lack, unseen

Row = dict[str, Any]
FINE = ("consuming", "running")
# An extra worker that its queue does not need now is neither missing nor at work.
SPARE = "spare"


def reporter(seen: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the host to ask the fleet's workers from: the first with the app; None when there is none."""
    for host, found in seen.items():
        if any(unit["node"] or unit["instance"] == "beat" for unit in found.get("instances", ())):
            return host
    return None


def parse_report(output: str) -> dict[str, Any] | None:
    """Return the agent's report; None when the output is not one."""
    try:
        report = json.loads(output)
    except ValueError:
        return None
    return report if isinstance(report, dict) and "nodes" in report else None


def rows_of(seen: Mapping[str, Mapping[str, Any]], report: Mapping[str, Any] | None) -> list[Row]:
    """Return a row for each unit of each host that answered, and one for each host that has none.

    :param seen: What the module instance_info returned, by host; without ``instances`` where it got no
        answer.
    :param report: The agent's report; None when the workers could not be asked.
    """
    rows: list[Row] = []
    for host, found in seen.items():
        if "instances" not in found:
            rows.append({"host": host, "state": unseen(found)})
            continue
        rows += [{"host": host, **_row(unit, report or {})} for unit in found["instances"]]
        if not found["instances"]:
            rows.append({"host": host, "state": "no unit of ours"})
    return rows


def notes_of(
    seen: Mapping[str, Mapping[str, Any]],
    report: Mapping[str, Any] | None,
    problem: str = "",
    lacking: Sequence[Lack] = (),
    unserved: Sequence[str] = (),
    foreign: Sequence[str] = (),
) -> list[str]:
    """Return what the table cannot say: a sum of the fleet, then each thing that is not as it should be.

    :param problem: Why there is no report, in one line.
    :param lacking: What should run by the inventory and does not.
    :param unserved: the queues that nobody consumes.
    :param foreign: queues to which the app sends and that others consume.
    """
    units = [(host, unit) for host, found in seen.items() for unit in found.get("instances", ())]
    workers = [unit for _host, unit in units if unit["node"] and unit["state"] != SPARE]
    consuming = sum(1 for unit in workers if unit["state"] == "consuming")
    spare = sum(1 for _host, unit in units if unit["state"] == SPARE)
    absent = [lack for lack in lacking if not lack.told]
    should = len(workers) + sum(1 for lack in absent if lack.instance not in SINGLES.values())
    notes = [f"{consuming} of {should} workers consume" + (f", {spare} are spare" if spare else "")]
    if report is None:
        notes[0] += f"; tasks and queues are not known: {problem or 'no worker could be asked'}"
    else:
        nodes, depths = report["nodes"].values(), report.get("queues", {})
        active = sum(node.get("active") or 0 for node in nodes)
        notes[0] += f", {active} tasks run, {_waiting(depths, foreign)} wait"
    if report and report.get("dead_letters"):
        notes.append(f"{report['dead_letters']} dead letters are kept: docs/runbooks/dead-letters.md")
    if report and foreign:
        waits = ", ".join(f"{queue} ({report['queues'].get(queue) or 0} wait)" for queue in foreign)
        notes.append(f"left to others: {waits}")
    notes += _beat_notes(units)
    if unserved:
        notes.append(f"nobody consumes {', '.join(unserved)}")
    silent = [host for host, found in seen.items() if unseen(found) == "unreachable"]
    if silent:
        notes.append(f"no answer from {', '.join(silent)}")
    notes += [
        f"{host}: answered, but could not be looked at: {one_line(str(found.get('msg', '')))}"
        for host, found in seen.items()
        if unseen(found) == "not looked at"
    ]
    unwell: dict[tuple[str, str], list[str]] = {}
    for host, unit in units:
        if unit["state"] == SPARE:
            continue
        if not unit["active"] or (unit["node"] and unit["state"] not in FINE):
            unwell.setdefault((host, _reason(unit)), []).append(unit["instance"])
    for lack in absent:
        unwell.setdefault((lack.host, lack.why), []).append(lack.instance)
    notes += [f"{host}: {', '.join(names)}: {reason}" for (host, reason), names in unwell.items()]
    releases = {unit["release"] for unit in workers if unit["release"]}
    if len(releases) > 1:
        notes.append(f"{len(releases)} releases run at once: {', '.join(sorted(releases))}")
    return notes


def _waiting(depths: Mapping[str, int | None], foreign: Sequence[str]) -> int:
    return sum(depth or 0 for queue, depth in depths.items() if queue not in foreign)


def _beat_notes(units: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """Say who leads where several hosts have beat, or a lock tells them apart; and when nobody does."""
    beats = {host: unit["state"] for host, unit in units if unit["instance"] == "beat"}
    leaders = [host for host, state in beats.items() if state == "leader"]
    others = [host for host, state in beats.items() if state == "standby"]
    if len(leaders) == 1 and others:
        return [f"beat leads on {leaders[0]}, stands by on {', '.join(others)}"]
    if len(leaders) > 1:
        return [f"beat leads on {' and on '.join(leaders)}: see docs/runbooks/beat-silent.md"]
    if others:
        return ["no beat of this inventory leads: see docs/runbooks/beat-silent.md"]
    return []


def _row(unit: Mapping[str, Any], report: Mapping[str, Any]) -> Row:
    node = report.get("nodes", {}).get(unit["node"], {})
    depths = [report.get("queues", {}).get(queue) for queue in unit["queues"]]
    known = [depth for depth in depths if depth is not None]
    return {
        "instance": unit["instance"],
        "state": unit["state"],
        "concurrency": node.get("concurrency", unit["concurrency"]),
        "active": node.get("active"),
        "processed": node.get("processed"),
        "queued": sum(known) if known else None,
        "memory_mb": unit["memory_mb"],
        "restarts": unit["restarts"],
        "release": unit["release"],
    }


def _reason(unit: Mapping[str, Any]) -> str:
    if unit["state"] != "failed":
        return str(unit["status"] or unit["state"])
    restarts = unit["restarts"] or 0
    return f"failed ({unit['result']}, {restarts} restarts); see journalctl -u {unit['unit']}"
