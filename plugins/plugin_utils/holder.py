# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who runs a playbook, as the lock on a host names it, and whether such a run goes on."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

PROC = Path("/proc")
BREAK_VARIABLE = "run_lock_break"


class Holder(TypedDict):
    """A run of a playbook.

    run: its id. place: where process numbers mean the same: one machine since its boot, one container.
    """

    run: str
    place: str
    user: str
    controller: str
    pid: int
    start: str
    play: str


def holder(pid: int, play: str) -> Holder:
    """Return the run that a process of the controller is.

    :param pid: the process of ansible-playbook, not one of those that it forks for tasks.
    :param play: what it plays, in words.
    """
    place, start = _place(), _start(pid)
    run = hashlib.sha256(f"{place} {pid} {start}".encode()).hexdigest()[:16]
    return Holder(
        run=run, place=place, user=_user(), controller=socket.gethostname(), pid=pid, start=start,
        play=play,
    )  # fmt: skip


def has_ended(found: Mapping[str, object]) -> bool:
    """Tell whether a lock names a run of this controller whose process is gone."""
    pid = found.get("pid")
    return found.get("place") == _place() and isinstance(pid, int) and _start(pid) != found.get("start")


def refusal(host: str, found: Mapping[str, object]) -> str:
    """Return why another run may not begin, as a line that an operator can act on."""
    who = f"{found.get('user')}@{found.get('controller')}, {found.get('play')}, pid {found.get('pid')}"
    return (
        f"{host}: lock = {who}, since {found.get('since')}: another run changes this host; wait for it, or, "
        f"where it is known to have ended, break its lock with -e {BREAK_VARIABLE}=true"
    )


def _user() -> str:
    """Return the user's name, its number where it has none; Python says that it has none in three ways."""
    with suppress(KeyError, ImportError, OSError):
        return getpass.getuser()
    return str(os.getuid())


def _place() -> str:
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append((PROC / "sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        parts.append(str((PROC / "self/ns/pid").readlink()))
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _start(pid: int) -> str:
    """Return what tells a process from an earlier one of its number; empty without one (proc(5), stat)."""
    with suppress(OSError, IndexError):
        return (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()[19]
    with suppress(OSError):  # a controller without /proc
        os.kill(pid, 0)
        return "alive"
    return ""
