# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name of a process that holds messages, by which others of its machine can tell that it has ended."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

#: Between the parts of a name, and between the name and the connection that took a message.
SEP, TAKER_SEP = "|", "/"
PROC = Path("/proc")


@cache
def own_name() -> str:
    """Name this process: its machine since its start, its PID namespace, its PID, and when it started."""
    return SEP.join((*_machine(), str(os.getpid()), _started(os.getpid())))


def has_ended(name: str, proc: Path = PROC) -> bool:
    """Whether a process of this machine is gone; False for one of another, of which nothing is known.

    A worker's unit hides the processes of others (``ProtectProc=``): one that ``proc`` does not show may run.
    """
    *machine, pid, started = name.split(SEP)
    if tuple(machine) != _machine() or not pid.isdigit():
        return False
    return _started(int(pid), proc) != started and (_is_shown(proc, pid) or _is_gone(int(pid)))


def _is_shown(proc: Path, pid: str) -> bool:
    return (proc / pid).exists()


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, ProcessLookupError)
    return False


def _machine() -> tuple[str, ...]:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return boot, str(Path("/proc/self/ns/pid").stat().st_ino)


def _started(pid: int, proc: Path = PROC) -> str:
    """When a process started, in the kernel's ticks; empty for none, or a zombie, which runs no more."""
    try:
        stat = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # from the third: the state
    return "" if fields[0] in "ZX" else fields[19]
