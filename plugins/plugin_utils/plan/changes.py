# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What site.yml would do to the workers of a host, from its plan and from what runs there.

The plan is compared as site.yml applies it, by its files: one that differs restarts whom it is for.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.celeryops.systemd.plugins.module_utils import instances, layout
from ansible_collections.celeryops.systemd.plugins.module_utils.units import Desired, Unit, decide, to_enable

# instance_info has compared the times on the host, and tells which inputs are newer than a unit's start.
STARTED, JUST_AFTER = 0.0, 1.0


class Move(TypedDict):
    """A number that becomes another; None where there is none."""

    number: str
    now: str | None
    planned: str | None


class Change(TypedDict):
    """What happens to an instance, or to a file that all of a host's instances share.

    :param action: start, restart, stop or remove an instance, enable it, or only write a file.
    """

    name: str
    action: str
    why: str
    numbers: list[Move]


def changes(
    files: Iterable[Mapping[str, Any]],
    units: Iterable[Mapping[str, Any]],
    timers: Mapping[str, int],
    seen: Mapping[str, Any],
    traces: Iterable[str] = (),
) -> list[Change]:
    """Return what would change, the instances by name and the shared files after them.

    :param files, units: what the plan asks for, as the modules managed_files and units take them.
    :param timers: those that the settings of the app would hold, in seconds.
    :param seen: what instance_info returned with `files`; empty of a host where nothing runs.
    :param traces: the instances that left anything on the host, as host_facts returns them.
    """
    wanted = {file["path"]: str(file["content"]) for file in files if file.get("content") is not None}
    found: Mapping[str, str] = seen.get("files", {})
    differing = {path for path, text in wanted.items() if found.get(path) != text}
    # A broker that knows no visibility timeout has none in the settings either.
    held = seen.get("settings", {})
    moved = [Move(number=name, now=f"{held[name]}", planned=f"{timers[name]}") for name in sorted(held)
             if name in timers and held[name] != timers[name]]  # fmt: skip
    if moved:
        differing.add(layout.SETTINGS)
    rows = {row["unit"]: row for row in seen.get("instances", ()) if row["unit"].startswith(layout.WORKER)}
    desired = {unit["name"]: unit for unit in units if unit["name"].startswith(layout.WORKER)}
    decided = [_decide(want, rows.get(name), differing, found, wanted) for name, want in desired.items()]
    kept = {instances.instance_of(name) for name in desired}
    decided += [
        _leave(name, rows.get(layout.unit_of(name)))
        for name in sorted({*traces, *(row["instance"] for row in rows.values())} - kept)
    ]
    shared = [
        _share(path, found.get(path), wanted.get(path))
        for path in instances.SHARED_FILES
        if found.get(path) != wanted.get(path)
    ]
    if moved:
        shared.append(Change(name=_names([layout.SETTINGS]), action="write", why="changed", numbers=moved))
    return [*sorted((one for one in decided if one), key=lambda one: one["name"]), *shared]


def _decide(
    want: Mapping[str, Any],
    row: Mapping[str, Any] | None,
    differing: set[str],
    found: Mapping[str, str],
    wanted: Mapping[str, str],
) -> Change | None:
    """Return what happens to a wanted instance."""
    inputs = [path for path in want["inputs"] if path in differing]
    action, why = _act(want, row, inputs)
    own = [path for path in inputs if path in wanted and path != layout.TEMPLATE_FILE]
    if not action and own:
        action, why = "write", f"{_names(own)} changed" if row else "is new"
    if not action:
        return None
    known = [path for path in own if path in found]
    moves = [move for path in known for move in _moves(path, found[path], wanted[path])]
    return Change(name=instances.instance_of(want["name"]), action=action, why=why, numbers=moves)


def _act(want: Mapping[str, Any], row: Mapping[str, Any] | None, changed: Sequence[str]) -> tuple[str, str]:
    """Return what the module units does to the unit, and why; nothing, where it stays."""
    desired = Desired(
        want["name"], want["state"], want["enabled"], tuple(want["inputs"]), bool(want.get("optional"))
    )
    unit, newer = _unit(want["name"], row), (row or {}).get("newer", [])
    action = decide(desired, unit, changed, dict.fromkeys(newer, JUST_AFTER))
    if action is None:
        enable = unit.running and desired.enabled and to_enable(desired, unit)
        return ("enable", "does not start with the host") if enable else ("", "")
    why = {
        "stop": "the host is drained",
        "start": f"was {unit.sub}" if row and row["state"] != "missing" else "is new",
        "restart": f"{_names(changed)} changed" if changed else f"{_names(newer)} newer than its start",
    }
    return action.verb, why[action.verb]


def _unit(name: str, row: Mapping[str, Any] | None) -> Unit:
    """Return a unit as the module units would see it, from what instance_info saw."""
    seen = row or {"active": False, "pid": 0, "state": "missing", "enabled": False}
    return Unit(
        name=name, load="loaded", active="active" if seen["active"] or seen["pid"] else "inactive",
        sub=seen["state"], result="", status="", pid=seen["pid"], invocation="", enabled=seen["enabled"],
        can_enable=True, needs_reload=False, started=STARTED,
    )  # fmt: skip


def _leave(name: str, row: Mapping[str, Any] | None) -> Change:
    runs = bool(row and (row["active"] or row["pid"]))
    return Change(name=name, action="stop" if runs else "remove", why="left the inventory", numbers=[])


def _share(path: str, now: str | None, planned: str | None) -> Change:
    """Return what happens to a file that the instances share."""
    if planned is None:
        return Change(name=_names([path]), action="remove", why="no longer needed", numbers=[])
    moves = [] if now is None else _moves(path, now, planned)
    return Change(
        name=_names([path]), action="write", why="is new" if now is None else "changed", numbers=moves
    )


def _names(paths: Sequence[str]) -> str:
    return ", ".join(path.rpartition("/")[2] for path in paths)


def _moves(path: str, now: str, planned: str) -> list[Move]:
    """Return the numbers that differ between two texts of a file; none where only its words do."""
    if not path.endswith((".env", ".conf", ".slice")):
        return []
    read = _environment_numbers if path.endswith(".env") else _unit_numbers
    before, after = read(now), read(planned)
    return [
        Move(number=name, now=before.get(name), planned=after.get(name))
        for name in dict.fromkeys([*after, *before])
        if before.get(name) != after.get(name)
    ]


def _unit_numbers(text: str) -> dict[str, str]:
    lines = (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, equals, value in lines if equals}


def _environment_numbers(text: str) -> dict[str, str]:
    """Return the variables by their short names, and the options of the command line by theirs."""
    numbers = {}
    for name, value in instances.parse_environment(text).items():
        if name == "CELERY_ARGUMENTS":
            for word in shlex.split(value):
                option, equals, said = word.partition("=")
                numbers[option.lstrip("-").replace("-", "_")] = said if equals else "yes"
        elif name != "CELERYOPS_STOP_CEILING":  # TimeoutStopSec says the same
            numbers[name.partition("_")[2].lower()] = value
    return numbers
