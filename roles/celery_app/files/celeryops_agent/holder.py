# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The name of a process that holds messages, by which others of its machine can tell that it has ended."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

#: Between the parts of a name, and between the name and the connection that took a message.
SEP, TAKER_SEP = "|", "/"


@cache
def own_name() -> str:
    """Name this process: its machine since its start, its PID namespace, its PID, and when it started."""
    return SEP.join((*_machine(), str(os.getpid()), _started(os.getpid())))


def has_ended(name: str) -> bool:
    """Whether a process of this machine is gone; False for one of another, of which nothing is known."""
    *machine, pid, started = name.split(SEP)
    return tuple(machine) == _machine() and pid.isdigit() and _started(int(pid)) != started


def _machine() -> tuple[str, ...]:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return boot, str(Path("/proc/self/ns/pid").stat().st_ino)


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks; empty for none, or a zombie, which runs no more."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # from the third: the state
    return "" if fields[0] in "ZX" else fields[19]
