# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the Celery units of a host do, read from systemd's properties and the environment files."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import layout

SINGLE = {layout.BEAT: "beat", layout.FLOWER: "flower"}
PROPERTIES = (
    "Id", "LoadState", "ActiveState", "SubState", "Result", "StatusText", "MainPID", "NRestarts",
    "MemoryCurrent", "UnitFileState", "ActiveEnterTimestampMonotonic", "ExecMainStartTimestampMonotonic",
)  # fmt: skip
# What the instances of a host share, and the scaler where a queue scales.
SHARED_FILES = (layout.TEMPLATE_FILE, layout.SLICE_FILE, *layout.SCALER_FILES, layout.SCALE)
STATES = {"active": "running", "activating": "starting", "deactivating": "stopping", "inactive": "stopped"}
MEBIBYTE = 1024 * 1024
MICROSECONDS = 1_000_000


def parse_show(text: str) -> list[dict[str, str]]:
    """Return the properties of each unit in the output of ``systemctl show``; a blank line parts units."""
    blocks = (block.splitlines() for block in text.strip().split("\n\n"))
    return [dict(line.partition("=")[::2] for line in block) for block in blocks if block]


def parse_environment(text: str) -> dict[str, str]:
    """Return the variables of an environment file as systemd reads it: no expansion, quotes removed."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and name and not name.startswith(("#", ";")):
            found[name] = "".join(shlex.split(value, posix=True)) if value[:1] in ("'", '"') else value
    return found


def instance_of(unit: str) -> str:
    """Return the instance of a worker's unit, and of another unit its short name (beat, flower, redis)."""
    if unit.startswith(layout.WORKER):
        return unit[len(layout.WORKER) : -len(layout.SERVICE)]
    return SINGLE.get(unit, unit.removesuffix(layout.SERVICE))


def environment_file(directory: Path, unit: str) -> Path:
    """Return where the environment of a worker's unit lies."""
    return directory / f"worker-{instance_of(unit)}.env"


def own_files(directory: Path, unit: str) -> list[Path]:
    """Return the files that give a worker's unit its numbers."""
    return [environment_file(directory, unit), Path(layout.limits_file(instance_of(unit)))]


def hidden_file(directory: Path, unit: str) -> Path:
    """Return where those variables of a worker's unit lie that nobody reads back: they may be secrets."""
    return directory / f"environment-{instance_of(unit)}.env"


def newer_than_start(
    properties: Mapping[str, str], paths: Iterable[Path], uptime: float, now: float
) -> list[str]:
    """Return those files that were written after the unit's main process had started; of a link, the link.

    :param properties: The unit's, as ``systemctl show`` prints them.
    :param paths: What it reads when it starts.
    :param uptime: The host's monotonic clock now, in seconds.
    :param now: The host's clock now, in seconds since the epoch.
    """
    since = _number(properties.get("ExecMainStartTimestampMonotonic"))
    if not since or properties.get("ActiveState") in ("inactive", "failed"):
        return []
    started = now - uptime + since / MICROSECONDS
    return [str(path) for path in paths if _written(path) > started]


def _written(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except OSError:
        return 0.0


def timers_of(path: Path) -> dict[str, int]:
    """Return the timers that the settings of the app hold; a file of secrets tells nothing else."""
    try:
        settings = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    options = settings.get("broker_transport_options") or {}
    found = {name: settings.get(name) for name in ("task_soft_time_limit", "task_time_limit")}
    found["visibility_timeout"] = options.get("visibility_timeout")
    return {name: value for name, value in found.items() if value is not None}


def status_of(properties: Mapping[str, str]) -> str | None:
    """Return what the agent says of a unit; None of others' units, and once its process is gone."""
    lives = (
        properties.get("ActiveState") not in ("inactive", "failed") and properties.get("MainPID", "0") != "0"
    )
    ours = properties["Id"].startswith("celery-")
    return properties.get("StatusText") or None if lives and ours else None


def state_of(properties: Mapping[str, str]) -> str:
    """Return what the unit does, in a word or a few: the agent's own word where systemd has one.

    The agent's status is a sentence such as ``consuming mail, 3 active``. What stands before the first comma
    or colon says what it does, and of ``consuming mail`` the queue is said elsewhere.
    """
    if properties.get("LoadState") == "not-found":
        return "missing"
    if status := status_of(properties):
        word = status.replace(":", ",").partition(",")[0].strip()
        return "consuming" if word.startswith("consuming ") else word
    active = properties.get("ActiveState", "")
    return "restarting" if properties.get("SubState") == "auto-restart" else STATES.get(active, active)


def release_of(pid: int, proc: Path = Path("/proc")) -> str | None:
    """Return the release that the process ``pid`` really runs: its working directory is <release>/app."""
    try:
        directory = (proc / str(pid) / "cwd").readlink()
    except OSError:
        return None
    return directory.parent.name if directory.parent.parent.name == "releases" else None


def describe(
    properties: Mapping[str, str],
    environment: Mapping[str, str],
    release: str | None,
    uptime: float,
    drained: bool = False,
) -> dict[str, Any]:
    """Return one unit as the module returns it.

    :param properties: The unit's, as ``systemctl show`` prints them.
    :param environment: The worker's environment file; empty for other units.
    :param release: The release that its main process runs.
    :param uptime: The host's monotonic clock now, in seconds.
    :param drained: Whether the host is taken out for maintenance, and its workers rest.
    """
    since = _number(properties.get("ActiveEnterTimestampMonotonic"))
    memory = _number(properties.get("MemoryCurrent"))
    active = properties.get("ActiveState") == "active"
    state = state_of(properties)
    extra = environment.get("CELERYOPS_EXTRA") == "1"
    if state == "stopped" and properties["Id"].startswith(layout.WORKER):
        state = "drained" if drained else "spare" if extra else state
    return {
        "unit": properties["Id"],
        "instance": instance_of(properties["Id"]),
        "state": state,
        "active": active,
        "extra": extra,
        "enabled": properties.get("UnitFileState") in ("enabled", "enabled-runtime"),
        "status": status_of(properties),
        "result": properties.get("Result") or None,
        "pid": _number(properties.get("MainPID")) or None,
        "restarts": _number(properties.get("NRestarts")),
        "memory_mb": None if memory is None else round(memory / MEBIBYTE),
        "uptime": round(uptime - since / MICROSECONDS) if active and since else None,
        "release": release,
        "node": environment.get("CELERY_NODE"),
        "queues": [queue for queue in environment.get("CELERY_QUEUES", "").split(",") if queue],
        "concurrency": _number(environment.get("CELERY_CONCURRENCY")),
        "stop_timeout": _number(environment.get("CELERYOPS_STOP_CEILING")),
    }


def well(row: Mapping[str, Any]) -> bool:
    """Tell whether a unit, as ``describe`` returns it, does its work; for a worker, that it consumes."""
    return bool(row["state"] == "consuming" if row["unit"].startswith(layout.WORKER) else row["active"])


def _number(value: str | None) -> int | None:
    """Return a number of systemd's; None for ``[not set]`` and for its largest one, which means the same."""
    if value is None or not value.isdigit() or int(value) >= 2**64 - 1:
        return None
    return int(value)
