# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host is and has, read from its own files.

Written for Python 3.8 too: a host that is too old has to be able to say so.
"""

from __future__ import annotations

import math
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.celeryops.systemd.plugins.module_utils import paths

if TYPE_CHECKING:
    from collections.abc import Iterable

MEGABYTE = 1024 * 1024
# At or above this a cgroup v1 limit means "none" (PAGE_COUNTER_MAX in bytes is just below 2**63).
UNLIMITED = 2**60
BLOCK = 512  # bytes, of st_blocks
COMPLETE = ".complete"
CHECKED = ".checked"
DEPLOYED = ".deployed"
ROLLED_BACK = ".rolled_back"


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def cores(affinity: int, cgroup: Path) -> float:
    """Return how many cores all services of the host may use together: affinity and cgroup quota.

    :param affinity: CPUs on which a process may run.
    :param cgroup: where the cgroup file system is; its root shows a container's own limits.
    """
    quota, period = (*_read(cgroup / "cpu.max").split(), "", "")[:2]
    if not quota:
        quota, period = _read(cgroup / "cpu/cpu.cfs_quota_us"), _read(cgroup / "cpu/cpu.cfs_period_us")
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return float(affinity)
    return round(min(affinity, int(quota) / int(period)), 2)


def room_mb(directory: Path) -> int:
    """Return the MiB to which a directory may grow: what is free where it will be, and what it holds."""
    there = next(place for place in (directory, *directory.parents) if place.exists())
    held = 0
    for path in directory.rglob("*"):
        with suppress(FileNotFoundError):  # who writes there may take a file away
            held += path.lstat().st_blocks * BLOCK
    return (shutil.disk_usage(there).free + held) // MEGABYTE


def redis_state(directory: Path) -> dict[str, Any]:
    """Return what of a Redis that fails over is kept on the disk.

    :param directory: where its data is.
    :returns: ``primary``, where this host's Sentinel last knew it, and in which ``epoch``; empty and 0
        without one. ``data``: whether the host has been a broker.
    """
    try:
        kept = paths.read(str(directory / "celery-sentinel.conf")).decode(errors="replace")
    except OSError:
        kept = ""
    primary = re.search(r"^sentinel monitor celery (\S+) \d+ \d+$", kept, re.MULTILINE)
    epoch = re.search(r"^sentinel config-epoch celery (\d+)$", kept, re.MULTILINE)
    data = directory / "celery"
    return {
        "primary": primary[1] if primary else "",
        "epoch": int(epoch[1]) if epoch else 0,
        "data": any(data.glob("appendonly*")),
    }


def memory_mb(meminfo: str, cgroup: Path) -> int:
    """Return the MiB that all services of the host may use together: MemTotal and cgroup limit."""
    match = re.search(r"^MemTotal:\s+(\d+) kB", meminfo, re.MULTILINE)
    total = int(match[1]) * 1024 if match else math.inf
    limit = _read(cgroup / "memory.max") or _read(cgroup / "memory/memory.limit_in_bytes")
    if limit.isdigit() and int(limit) < UNLIMITED:
        total = min(total, int(limit))
    if total == math.inf:
        raise ValueError("/proc/meminfo has no MemTotal")
    return int(total // MEGABYTE)


def systemd_version(text: str) -> int:
    """Return the major version from ``systemctl --version``, 0 when there is none."""
    match = re.match(r"systemd (\d+)", text)
    return int(match[1]) if match else 0


def missing_packages(wanted: Iterable[str], listing: str) -> list[str]:
    """Return the wanted packages that are not installed.

    :param listing: ``<status> <name>`` a line, as dpkg-query and rpm are asked for it; ``ii`` is installed.
    """
    rows = (line.split() for line in listing.splitlines())
    installed = {row[1] for row in rows if len(row) > 1 and row[0] == "ii"}
    return [name for name in wanted if name not in installed]


def releases(root: Path) -> dict[str, Any]:
    """Return the release that runs, those that are complete, the virtual environment of each that shares
    one, those that ever ran, what was checked last, and which one the fleet went back from.

    The newest come first. A release whose Python is gone, as after an upgrade of the host, is not complete:
    it is made anew.
    """
    current = root / "current"
    # What begins with a dot is being built, or was replaced.
    marked = [path for path in root.glob(f"releases/*/{COMPLETE}") if path.parent.name[0] != "."]
    markers = [path for path in marked if python_works(path.parent / "venv")]
    newest_first = [
        path.parent for path in sorted(markers, key=lambda path: path.stat().st_mtime, reverse=True)
    ]
    return {
        "release": Path(os.readlink(current)).name if current.is_symlink() else "",  # noqa: PTH115 - 3.8
        "releases": [path.name for path in newest_first],
        "virtualenvs": {path.name: name for path in newest_first for name in _shared(root, path)},
        "deployed": [path.name for path in newest_first if (path / DEPLOYED).exists()],
        "checked": _read(root / CHECKED),
        "rolled_back": _read(root / ROLLED_BACK),
    }


def _shared(root: Path, release: Path) -> list[str]:
    """Return the name of the virtual environment that a release shares, in a list; of its own, none."""
    place = Path(os.path.realpath(release / "venv"))
    return [place.name] if str(place.parent) == os.path.realpath(root / "venvs") else []


def python_works(venv: Path) -> bool:
    """Tell whether the interpreter behind the virtual environment is the one it was made with."""
    match = re.search(r"^version(?:_info)? = (\d+\.\d+)", _read(venv / "pyvenv.cfg"), re.MULTILINE)
    if not match:
        return False
    interpreter = Path(os.path.realpath(venv / "bin/python"))
    return interpreter.exists() and interpreter.name in ("python", "python3", f"python{match[1]}")
