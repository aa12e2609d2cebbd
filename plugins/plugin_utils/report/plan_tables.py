# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The plan of a fleet for people and for programs: rows of tables, notes, and one document."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypedDict

from ..plan.changes import Change
from ..plan.planning import HostPlan
from ..plan.sizing import InstancePlan

Row = dict[str, Any]
WIDTH = 100


class Outlook(TypedDict):
    """What is known of a host's future: its plan or why there is none, and what would change."""

    plan: HostPlan | None
    problems: list[str]
    changes: list[Change]


def rows_of(fleet: Mapping[str, Outlook]) -> Iterator[Row]:
    """Return a row for each instance, those that leave too, and one for what the host keeps to itself."""
    for host, outlook in fleet.items():
        plan, actions = outlook["plan"], {change["name"]: change["action"] for change in outlook["changes"]}
        if plan is None:
            yield {"host": host, "instance": "refused", "then": None}
            continue
        for instance in plan["instances"]:
            then = actions.pop(instance["name"], "on demand" if instance.get("scale") else None)
            yield {"host": host, **_numbers(instance), "then": then}
        for name, action in actions.items():
            if action in ("stop", "remove"):
                yield {"host": host, "instance": name, "then": action}
        yield {"host": host, "instance": "(kept free)", "max": plan["reserve"]["memory_mb"]}


def _numbers(instance: InstancePlan) -> Row:
    scale, recycle = instance["autoscale"], instance["max_memory_per_child_kb"]
    return {
        "instance": instance["name"],
        "slots": f"{scale['min']}-{scale['max']}" if scale else instance["concurrency"],
        "high": instance["memory_high_mb"],
        "max": instance["memory_max_mb"],
        "recycle": None if recycle is None else recycle // 1024,
        "weight": instance["cpu_weight"],
        "tasks": instance["tasks_max"],
        "files": instance["limit_nofile"],
        "stop": instance["stop_timeout"],
    }


def change_rows_of(fleet: Mapping[str, Outlook]) -> Iterator[Row]:
    """Return a row for each number that moves, and one for each change that moves none."""
    for host, outlook in fleet.items():
        for change in outlook["changes"]:
            row = {"host": host, "name": change["name"], "action": change["action"]}
            yield from ({**row, **move} for move in change["numbers"])
            if not change["numbers"]:
                yield {**row, "number": change["why"]}


def totals_of(fleet: Mapping[str, Outlook]) -> dict[str, Any]:
    """Return the sums of the fleet."""
    plans = [outlook["plan"] for outlook in fleet.values() if outlook["plan"]]
    instances = [instance for plan in plans for instance in plan["instances"]]
    counted = Counter(change["action"] for outlook in fleet.values() for change in outlook["changes"])
    return {
        "hosts": len(plans),
        "instances": len(instances),
        "slots": sum(instance["concurrency"] for instance in instances),
        "memory_mb": sum(plan["memory_mb"] for plan in plans),
        "memory_max_mb": sum(instance["memory_max_mb"] for instance in instances),
        "changes": dict(sorted(counted.items())),
    }


def notes_of(fleet: Mapping[str, Outlook], unknown: Iterable[str]) -> list[str]:
    """Return the sums in words, and each host that has no plan."""
    totals, silent = totals_of(fleet), list(unknown)
    notes = [
        f"{totals['instances']} instances with {totals['slots']} slots on {totals['hosts']} hosts, "
        f"{totals['memory_max_mb']} of {totals['memory_mb']} MB are theirs"
    ]
    changes = ", ".join(f"{action} {number}" for action, number in totals["changes"].items())
    refused = [host for host, outlook in fleet.items() if outlook["problems"]]
    if refused:
        notes.append(f"site.yml would refuse, and change nothing: see {', '.join(refused)}")
    elif fleet:
        notes.append(f"site.yml would: {changes}" if changes else "site.yml would change nothing")
    if silent:
        notes.append(f"not planned, nothing is known of them: {', '.join(silent)}")
    return notes


def whys_of(fleet: Mapping[str, Outlook]) -> list[str]:
    """Return the reason for each number, folded to the width of a terminal."""
    lines = []
    for host, outlook in fleet.items():
        plan = outlook["plan"]
        if not plan:
            continue
        lines += ["", host]
        lines += _folded("", f"reserve {plan['reserve']['memory_mb']} MB", plan["reserve"]["why"])
        for instance in plan["instances"]:
            lines.append(f"  {instance['name']}")
            for number, why in instance["why"].items():
                lines += _folded("  ", f"{number} {_shown(instance.get(number))}".rstrip(), why)
    return lines[1:]


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{value['min']}-{value['max']}" if "min" in value else ""
    return "" if value is None else f"{value}"


def _folded(margin: str, what: str, why: str) -> list[str]:
    return textwrap.wrap(
        f"{what}: {why}", WIDTH, initial_indent=f"{margin}  ", subsequent_indent=f"{margin}      ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
