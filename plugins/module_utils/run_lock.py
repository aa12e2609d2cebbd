# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The lock on a host: one run of a playbook at a time changes it.

It lies in /run, so a reboot frees it. It is free too when its lease is over. That its process has ended, only
the controller that started it can tell, which then says so with ``ended``.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import paths

LOCK = Path("/run/celeryops.lock")
LEASE = 3600  # seconds
# What the modules that take the lock are told by their action.
ARGUMENTS: dict[str, Any] = {
    "holder": {"type": "dict", "default": {}},
    "ended": {"type": "str", "default": ""},
    "lease": {"type": "int", "default": LEASE},
    "broken": {"type": "bool", "default": False},
}


def holds(found: Mapping[str, Any], holder: Mapping[str, Any], ended: str, now: float) -> bool:
    """Tell whether another run holds the host.

    :param found: what the lock says; empty where there is none.
    :param holder: the run that asks, with its id in ``run``.
    :param ended: id of a run that is known to have ended.
    :param now: seconds since the epoch.
    """
    if not found.get("run") or found["run"] in (holder["run"], ended):
        return False
    return float(found.get("until", 0)) > now


def take(
    holder: Mapping[str, Any], ended: str = "", lease: int = LEASE, broken: bool = False, lock: Path = LOCK
) -> dict[str, Any]:
    """Take the lock, and return what another run left there that holds it; empty when it is ours now.

    :param holder: the run that asks: ``run``, its id, and what a person is told of it.
    :param lease: seconds after which the lock is free whatever happened to its holder.
    :param broken: take it in any case.
    """
    with _alone(lock):
        found = read(lock)
        now = time.time()
        if not broken and holds(found, holder, ended, now):
            return found
        since = found["since"] if found.get("run") == holder["run"] else _written(now)
        _write(lock, {**holder, "since": since, "until": now + lease})
    return {}


def prolong(seconds: float, lock: Path = LOCK) -> None:
    """Let the lock of whoever holds it last at least so many seconds from now, and its lease."""
    if not lock.exists():
        return
    with _alone(lock):
        found = read(lock)
        if found.get("run"):
            until = time.time() + seconds + LEASE
            _write(lock, {**found, "until": max(until, float(found.get("until", 0)))})


def read(lock: Path = LOCK) -> dict[str, Any]:
    """Return what the lock says; empty where there is none, or none that can be read."""
    try:
        found = json.loads(paths.read(str(lock)))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(lock: Path, content: Mapping[str, Any]) -> None:
    paths.replace(str(lock), json.dumps(dict(content), indent=4).encode() + b"\n", 0o644, -1, -1)


def _written(now: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Keep every other process of the host from the lock while it is looked at and written."""
    with paths.parent(str(lock), create=True) as (above, name):
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(f"{name}.guard", flags, 0o600, dir_fd=above)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
