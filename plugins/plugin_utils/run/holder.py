# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who runs a playbook, as the lock on a host names it, and whether such a run goes on."""

from __future__ import annotations

import getpass
import hashlib
import multiprocessing
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypedDict

from ansible_collections.celeryops.systemd.plugins.module_utils.run_lock import described

PROC = Path("/proc")
BREAK_VARIABLE, LEASE_VARIABLE = "run_lock_break", "run_lock_lease"
# The fact that names the run which has taken the lock.
FACT = "celeryops_run"
# What is known of a process of which only that it lives can be told.
ALIVE = "alive"


class EndedError(Exception):
    """The run that began a task has ended; the task changes nothing more."""


class Holder(TypedDict):
    """A run of a playbook.

    :param run: its id.
    :param place: where process numbers mean the same: one machine since its boot, one container.
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


def playing() -> int:
    """Return the process of the run that this task is of; each task's own is forked from it.

    The operating system's word for a parent will not do: that of a task whose run was killed is process 1,
    which never ends, and neither would a lock that names it.

    :raises EndedError: it has ended.
    """
    parent = multiprocessing.parent_process()
    pid = parent.pid if parent and parent.pid else os.getppid()
    if not _start(pid):
        raise EndedError(f"the run of process {pid} has ended, so its task changes nothing more")
    return pid


def told(delegate: object, variables: Mapping[str, Any], pid: int) -> dict[str, str]:
    """Return what a module that changes a host is told of its run; nothing where it has not taken the lock.

    :param delegate: another host that it changes, of which the variables do not tell; empty for none.
    :param variables: of the host.
    :param pid: the process of ansible-playbook.
    """
    run = holder(pid, "")["run"]
    taken = not delegate and variables.get("ansible_facts", {}).get(FACT) == run
    return {"run": run} if taken else {}


def has_ended(found: Mapping[str, object]) -> bool:
    """Tell whether a lock names a run of this controller whose process is gone."""
    pid = found.get("pid")
    if found.get("place") != _place() or not isinstance(pid, int):
        return False
    return _start(pid) not in (found.get("start"), ALIVE)


def refusal(host: str, found: Mapping[str, object]) -> str:
    """Return why another run may not begin, as a line that an operator can act on."""
    return (
        f"{host}: lock = {described(found)}: another run changes this host; wait for it, or, where it is "
        f"known to have ended, break its lock with -e {BREAK_VARIABLE}=true"
    )


def _user() -> str:
    """Return the user's name, its number where it has none; Python says that it has none in three ways."""
    with suppress(KeyError, ImportError, OSError):
        return getpass.getuser()
    return str(os.getuid())


def taken_over(found: Mapping[str, object]) -> str:
    """Return what is said where the lock of a run that has ended is taken; the same for all its hosts."""
    return f"lock = {described(found)}: that run has ended without releasing it; this one takes it over"


def _place() -> str:
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append((PROC / "sys/kernel/random/boot_id").read_text().strip())
    with suppress(OSError):
        parts.append(str((PROC / "self/ns/pid").readlink()))
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


def _start(pid: int) -> str:
    """Return what tells a process from an earlier one of its number (proc(5)); empty when it has ended."""
    with suppress(OSError, IndexError):
        fields = (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]
    # A controller without /proc, or one that hides the processes of others there.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        return ALIVE
    return ALIVE
