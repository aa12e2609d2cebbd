# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What processes and their cgroup really use, read from /proc and from the cgroup file system, v1 or v2."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROC, CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")
KIB_PER_MIB = 1024
BYTES_PER_MIB = 1024 * 1024
# At or above this a cgroup v1 limit means "none" (PAGE_COUNTER_MAX in bytes is just below 2**63).
UNLIMITED = 2**60


@dataclass(frozen=True)
class Process:
    """One process, in MB, rounded up; ``pss_mb`` is None where the kernel does not tell.

    :param rss_mb: the pages it has in memory, those that it shares too.
    :param pss_mb: the same, with each shared page divided among those that share it: these can be summed.
    :param peak_mb: the most that ``rss_mb`` has been.
    """

    pid: int
    rss_mb: int
    pss_mb: int | None
    peak_mb: int


@dataclass(frozen=True)
class Cgroup:
    """A unit's cgroup, in MB, rounded up; None where the kernel does not tell or there is no limit.

    Its figures count the page cache besides, which the kernel gives back when it is short of memory.
    """

    current_mb: int | None
    peak_mb: int | None
    limit_mb: int | None
    oom_kills: int


def read_process(pid: int, proc: Path = PROC) -> Process | None:
    """Return the process; None when it has ended, or is a thread of the kernel and has no memory."""
    status = _read(proc / str(pid) / "status")
    rss, peak = _field(status, "VmRSS"), _field(status, "VmHWM")
    if rss is None or peak is None:
        return None
    pss = _field(_read(proc / str(pid) / "smaps_rollup"), "Pss")
    share = None if pss is None else _whole(pss, KIB_PER_MIB)
    return Process(pid, _whole(rss, KIB_PER_MIB), share, _whole(peak, KIB_PER_MIB))


def cgroup_of(pid: int, proc: Path = PROC, mount: Path = CGROUPS) -> Path | None:
    """Return the directory of the cgroup that accounts a process's memory; None where nothing does.

    A controller is on v1 or on v2, never on both: where v1 has memory, v2 does not, though it is mounted.
    """
    lines = [line.split(":", 2) for line in _read(proc / str(pid) / "cgroup").splitlines()]
    paths = {name: path.lstrip("/") for _number, names, path in lines for name in names.split(",")}
    if "memory" in paths:
        return mount / "memory" / paths["memory"]
    return mount / paths[""] if "" in paths else None


def read_cgroup(directory: Path) -> Cgroup:
    """Return what a cgroup's files tell."""

    def figure(*names: str) -> int | None:
        found = next((text for name in names if (text := _read(directory / name).strip())), "")
        return _whole(int(found), BYTES_PER_MIB) if found.isdigit() and int(found) < UNLIMITED else None

    events = _read(directory / "memory.events") or _read(directory / "memory.oom_control")
    kills = re.search(r"^oom_kill (\d+)", events, re.MULTILINE)
    return Cgroup(
        current_mb=figure("memory.current", "memory.usage_in_bytes"),
        peak_mb=figure("memory.peak", "memory.max_usage_in_bytes"),
        limit_mb=figure("memory.max", "memory.limit_in_bytes"),
        oom_kills=int(kills[1]) if kills else 0,
    )


def members(directory: Path, proc: Path = PROC) -> list[Process]:
    """Return the processes of a cgroup; those that end meanwhile are left out."""
    pids = [int(word) for word in _read(directory / "cgroup.procs").split()]
    return [process for pid in sorted(pids) if (process := read_process(pid, proc))]


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _field(text: str, name: str) -> int | None:
    """Return a figure of the kernel's, in KiB."""
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) if found else None


def _whole(figure: int, per_mb: int) -> int:
    return -(-figure // per_mb)
