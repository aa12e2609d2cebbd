# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The lock on a host: one run of a playbook at a time changes it.

It lies in /run, so a reboot frees it. It is free too when its lease is over. That its process has ended, only
the controller that started it can tell, which then says so with ``ended``.

A run that still only looks has a short lease: where it ends there, as one that is refused does, the hosts are
soon free for others. The first change gives it the whole lease, and each one after that gives it anew. A run
that has lost its lock changes nothing any more: the guard beside the lock names who had it last.
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
LEASE_TO_LOOK = 600
# What the modules that change a host are told by theirs: the id of the run, where it has taken the lock.
KEEPER: dict[str, Any] = {"run": {"type": "str", "default": ""}}
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
    :param lease: seconds after which the lock is free whatever happened to its holder, from its last change
        on; a new one has less, until then.
    :param broken: take it in any case.
    """
    with _alone(lock) as guard:
        found = read(lock)
        now = time.time()
        if not broken and holds(found, holder, ended, now):
            return found
        if found.get("run") == holder["run"]:
            _prolong(lock, found, lease)
        else:
            since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
            until = now + min(lease, LEASE_TO_LOOK)
            taken = {**holder, "since": since, "lease": lease, "until": until}
            _write(lock, taken)
            os.ftruncate(guard, 0)
            os.pwrite(guard, json.dumps(taken).encode(), 0)
    return {}


def keep(run: str, seconds: float = 0, lock: Path = LOCK) -> dict[str, Any]:
    """Prolong the lock of a run that is about to change the host; return what another run left there instead.

    Also where that one has ended: what this run knows of the host is no longer so.

    :param run: its id; empty for one that takes no lock.
    :param seconds: how long the change may take, besides the lease.
    """
    if not run:
        return {}
    with _alone(lock):
        found = read(lock)
        last = found or read(_guard(lock))  # neither is there after a reboot of the host
        if last and last.get("run") != run:
            return last
        if found:
            _prolong(lock, found, float(found.get("lease", LEASE)) + seconds)
    return {}


def lost(found: Mapping[str, Any]) -> str:
    """Return why a run changes nothing any more, as a line that an operator can act on."""
    return f"lock = {described(found)}: it has taken this host from this run, which ends here; play again"


def described(found: Mapping[str, Any]) -> str:
    """Return who holds a host since when, in words."""
    who = f"{found.get('user')}@{found.get('controller')}, {found.get('play')}, pid {found.get('pid')}"
    return f"{who}, since {found.get('since')}"


def _prolong(lock: Path, found: Mapping[str, Any], seconds: float) -> None:
    _write(lock, {**found, "until": max(time.time() + seconds, float(found.get("until", 0)))})


def read(lock: Path = LOCK) -> dict[str, Any]:
    """Return what the lock says; empty where there is none, or none that can be read."""
    try:
        found = json.loads(paths.read(str(lock)))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(lock: Path, content: Mapping[str, Any]) -> None:
    paths.replace(str(lock), json.dumps(dict(content), indent=4).encode() + b"\n", 0o644, -1, -1)


def _guard(lock: Path) -> Path:
    return lock.with_name(f"{lock.name}.guard")


@contextmanager
def _alone(lock: Path) -> Iterator[int]:
    """Keep every other process from the lock while it is looked at and written; yield the guard."""
    with paths.parent(str(_guard(lock)), create=True) as (above, name):
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(name, flags, 0o600, dir_fd=above)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)
