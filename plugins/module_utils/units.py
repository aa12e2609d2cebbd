# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What has to happen to systemd units, decided from what they are and from what is wanted.

Nothing here talks to systemd; the module celeryops.systemd.units does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import layout, run_lock

PROPERTIES = (
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "StatusText",
    "MainPID",
    "InvocationID",
    "UnitFileState",
    "NeedDaemonReload",
    "ExecMainStartTimestamp",
    "ActiveEnterTimestamp",
)
# systemd.unit(5)
_INSTANCE = re.compile(r"[A-Za-z0-9:_.\\-]+")
_LONGEST_NAME = 255  # of a unit, its suffix included
ENABLED_STATES = ("enabled", "enabled-runtime")
# `systemctl enable` can do nothing about these.
UNMANAGED_STATES = ("static", "generated", "transient", "alias", "indirect")

# The arguments of the module units.
UNIT: dict[str, Any] = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["started", "stopped", "restarted"]},
    "optional": {"type": "bool", "default": False},
    "enabled": {"type": "bool"},
    "inputs": {"type": "list", "elements": "str"},
}
LEAVE: dict[str, Any] = {
    "template": {"type": "str", "default": layout.WORKER},
    "keep": {"type": "list", "elements": "str", "default": []},
    "paths": {"type": "list", "elements": "str", "default": list(layout.WORKER_TRACES)},
}
ARGUMENTS: dict[str, Any] = {
    "units": {"type": "list", "elements": "dict", "default": [], "options": UNIT},
    "changed_paths": {"type": "list", "elements": "str", "default": []},
    "leave": {"type": "dict", "options": LEAVE},
    "restart": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 600},
    "ask": {"type": "bool", "default": False},
    **run_lock.KEEPER,
}
# How systemctl is asked for the properties.
SHOW = ("show", "--timestamp=us+utc", f"--property={','.join(PROPERTIES)}", "--")


# systemd.service(5), Result=; and what systemd writes to the unit's journal, also where the unit goes on.
_KILLED_FOR_MEMORY = "oom-kill"
_OOM_KILLER = "killed by the OOM killer"
# What gives a unit its MemoryMax.
_MEMORY_VARIABLES = {layout.BEAT: "celery_beat_memory_max_mb", layout.FLOWER: "flower_memory_max_mb"}


@dataclass(frozen=True)
class Desired:
    """What a unit shall be; ``state`` and ``enabled`` of None leave what is.

    An ``optional`` unit is started and stopped by somebody else: here it only restarts, when it runs.
    """

    name: str
    state: str | None = None
    enabled: bool | None = None
    inputs: tuple[str, ...] = ()
    optional: bool = False


def desired(raw: Iterable[Mapping[str, Any]]) -> list[Desired]:
    """Read the module's option ``units``; without inputs, one of ours has those of the layout."""
    return [
        Desired(
            name=item["name"],
            state=item["state"],
            enabled=item["enabled"],
            inputs=layout.inputs_of(item["name"]) if item["inputs"] is None else tuple(item["inputs"]),
            optional=item["optional"],
        )
        for item in raw
    ]


@dataclass(frozen=True)
class Unit:
    """What systemd says about a unit. ``started`` is in seconds since the epoch, None if it never ran."""

    name: str
    load: str
    active: str
    sub: str
    result: str
    status: str
    pid: int
    invocation: str
    enabled: bool
    can_enable: bool
    needs_reload: bool
    started: float | None

    @property
    def running(self) -> bool:
        """Whether it works or is on its way to; one that waits for its next attempt is not."""
        return self.ready or (self.active == "activating" and not self.sub.startswith("auto-restart"))

    @property
    def ready(self) -> bool:
        """Whether its start is complete."""
        return self.active in ("active", "reloading")

    @property
    def stopped(self) -> bool:
        """Whether nothing of it is left to stop."""
        return self.active in ("inactive", "failed")

    def summary(self) -> dict[str, Any]:
        """Return what the module says about it."""
        return {"active": self.active, "sub": self.sub, "status": self.status, "pid": self.pid}


@dataclass(frozen=True)
class Action:
    """``verb`` is start, restart, wait or stop."""

    name: str
    verb: str
    why: str


def parse_show(names: Sequence[str], text: str) -> dict[str, Unit]:
    """Read ``systemctl show --timestamp=us+utc`` for ``names``: one block each, in that order."""
    blocks = [block for block in text.strip().split("\n\n") if block]
    if len(blocks) != len(names):
        raise ValueError(f"systemctl shows {len(blocks)} units where {len(names)} were asked for")
    return {unit.name: unit for unit in map(_unit, names, blocks)}


def _unit(name: str, block: str) -> Unit:
    values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    file_state = values.get("UnitFileState", "")
    return Unit(
        name=name,
        load=values["LoadState"],
        active=values["ActiveState"],
        sub=values["SubState"],
        result=values.get("Result", ""),
        status=values.get("StatusText", ""),
        pid=int(values.get("MainPID", "0")),
        invocation=values.get("InvocationID", ""),
        enabled=file_state in ENABLED_STATES,
        can_enable=file_state not in UNMANAGED_STATES,
        needs_reload=values["NeedDaemonReload"] == "yes",
        started=_timestamp(values.get("ExecMainStartTimestamp") or values.get("ActiveEnterTimestamp", "")),
    )


def _timestamp(text: str) -> float | None:
    """Read ``Sat 2026-11-21 10:07:17.123456 UTC``; empty or n/a is None."""
    match = re.search(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC", text)
    if not match:
        return None
    form = "%Y-%m-%d %H:%M:%S.%f" if "." in match[1] else "%Y-%m-%d %H:%M:%S"
    return datetime.strptime(match[1], form).replace(tzinfo=timezone.utc).timestamp()


def decide(
    want: Desired, unit: Unit, changed_paths: Iterable[str], times: Mapping[str, float]
) -> Action | None:
    """Return what must happen to the unit, None when it is as wanted.

    :param changed_paths: what this run changed, or would change.
    :param times: the mtime of each input that exists, in seconds since the epoch.
    """
    if want.state == "stopped":
        return None if unit.stopped else Action(want.name, "stop", f"was {unit.sub}")
    if want.optional and not unit.running:
        return None
    if want.state == "restarted":
        return Action(want.name, "restart" if unit.running else "start", "asked for")
    if want.state != "started":
        return None
    if not unit.running:
        return Action(want.name, "start", f"was {unit.sub}")
    why = stale(want, unit, changed_paths, times)
    if why:
        return Action(want.name, "restart", why)
    return None if unit.ready else Action(want.name, "wait", f"was {unit.sub}")


def settled(desired: Iterable[Desired], now: Mapping[str, Unit], times: Mapping[str, float]) -> bool:
    """Tell whether nothing has to happen, as far as all units to ask about are known."""
    wanted = list(desired)
    return (
        all(name in now and not now[name].needs_reload for name in watched(wanted))
        and all(now[want.name].load != "masked" or want.state is None for want in wanted)
        and all(decide(want, now[want.name], (), times) is None for want in wanted)
        and not any(to_enable(want, now[want.name]) for want in wanted)
    )


def all_stay(leave: Mapping[str, Any] | None, workers: Collection[str] | None) -> bool:
    """Tell whether no instance has to leave, by the worker instances of which there is a trace.

    :param leave: the module's option of this name.
    :param workers: those instances; None where nobody looked.
    """
    if not leave:
        return True
    known = leave["template"] == layout.WORKER and set(leave["paths"]) <= set(layout.WORKER_TRACES)
    return known and workers is not None and set(workers) <= set(leave["keep"])


def to_enable(want: Desired, unit: Unit) -> bool:
    """Tell whether the unit has to be enabled, or disabled, to be as wanted."""
    return want.enabled is not None and unit.enabled is not want.enabled and unit.can_enable


def stale(want: Desired, unit: Unit, changed_paths: Iterable[str], times: Mapping[str, float]) -> str:
    """Return which input the running unit has not read yet, empty when it has read all.

    Files outlive a run that is interrupted between writing them and restarting; comparing times fixes that.
    """
    changed = list(changed_paths)
    for path in want.inputs:
        if any(other == path or other.startswith(f"{path}/") for other in changed):
            return f"{path} changed"
        if unit.started is not None and times.get(path, 0.0) > unit.started:
            return f"{path} is newer than its start"
    return ""


def deferrable(desired: Iterable[Desired], now: Mapping[str, Unit], actions: Iterable[Action]) -> list[str]:
    """Return the units that run and are to restart only because they are stale: they may do so later."""
    asked = {want.name for want in desired if want.state == "restarted"}
    stale = [action.name for action in actions if action.verb == "restart" and action.name not in asked]
    return [name for name in stale if now[name].ready]


def input_times(desired: Iterable[Desired]) -> dict[str, float]:
    """Return the mtime of each input that exists; of a link its own, not its target's."""
    paths = {Path(path) for want in desired for path in want.inputs}
    return {str(path): path.lstat().st_mtime for path in paths if path.exists() or path.is_symlink()}


def watched(desired: Iterable[Desired]) -> list[str]:
    """Return the units to ask about: the wanted ones, and those whose file is an input (a slice)."""
    names = {want.name: None for want in desired}
    for want in desired:
        for path in map(Path, want.inputs):
            if str(path.parent) == layout.UNITS and "@." not in path.name:
                names[path.name] = None
    return list(names)


def is_unit_path(path: str) -> bool:
    """Tell whether systemd has to read its files again when ``path`` changes."""
    return path.startswith(f"{layout.UNITS}/")


def instances(template: str, patterns: Iterable[str], loaded: Iterable[str]) -> list[str]:
    """Return the instances of a template unit of which there is any trace on the host.

    :param template: the unit's name up to and with the ``@``.
    :param patterns: paths with ``{instance}`` in them.
    :param loaded: those of its units that systemd holds.
    """
    found = {name[len(template) : -len(".service")] for name in loaded}
    for pattern in (*patterns, want_pattern(template)):
        before, after = pattern.split("{instance}", 1)
        expression = re.compile(re.escape(before).replace(r"\*", "[^/]*") + "([^/]+)" + re.escape(after))
        for path in Path("/").glob(pattern.replace("{instance}", "*").lstrip("/")):
            match = expression.fullmatch(str(path))
            if match:
                found.add(match[1])
    return sorted(name for name in found if is_instance(name))


def is_instance(name: str) -> bool:
    """Tell whether a worker's unit can have this name: systemctl refuses what a stray file may have."""
    return bool(_INSTANCE.fullmatch(name)) and len(layout.unit_of(name)) <= _LONGEST_NAME


def worker_units(workers: Iterable[str]) -> list[str]:
    """Return the units of the worker instances, but of a stray file's name that systemd would refuse."""
    return [layout.unit_of(name) for name in workers if is_instance(name)]


def want_pattern(template: str) -> str:
    """Return the pattern of the links that enable an instance."""
    return f"{layout.UNITS}/*.wants/{template}{{instance}}.service"


def killed_for_memory(unit: Unit, limit: str, journal: str) -> str:
    """Return that the kernel killed a unit for its memory, with the limit and the variable; empty if not.

    :param limit: its MemoryMax as systemd shows it: bytes, or infinity.
    :param journal: the end of its journal.
    """
    if unit.result != _KILLED_FOR_MEMORY and _OOM_KILLER not in journal:
        return ""
    if not limit.isdigit():
        return (
            f"{unit.name}: MemoryMax = {limit}: the kernel killed it, for the memory of its slice or host is "
            "used up; give the host more, or its units less"
        )
    variable = _MEMORY_VARIABLES.get(unit.name, "it")
    if unit.name.startswith(layout.WORKER):
        instance = unit.name[len(layout.WORKER) : -len(layout.SERVICE)]
        variable = f"celery_worker_queues.<queue>.app_memory_mb of {instance}"
    what = "the kernel killed it there, for it needs more than that"
    return f"{unit.name}: MemoryMax = {int(limit) // 2**20}M: {what}; raise {variable}"


def parse_loaded(text: str) -> list[str]:
    """Return the units of ``systemctl list-units --all --plain --no-legend`` that are not merely inactive."""
    rows = [line.split() for line in text.splitlines()]
    return [row[0] for row in rows if len(row) > 2 and row[2] != "inactive"]
