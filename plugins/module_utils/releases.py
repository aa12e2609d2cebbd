# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A release is built beside, where nobody looks, and comes to its place in one step.

What is at its place is never changed or removed while a link names it or a process runs from it.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import host, in_use, paths

# Names with a dot are no release: nothing starts from them, and no play counts them.
BUILDING = ".building-"
LEFT_AFTER = 3600  # seconds
RENAME_EXCHANGE = 2  # renameat2(2)
_AT_FDCWD = -100
# In a virtual environment.
_PACKAGES = "lib/python*/site-packages"
_WITH_PATHS = ("bin/*", *(f"{_PACKAGES}/{name}" for name in ("*.pth", "*.egg-link", "__editable__*.py")))
_LONGEST_SCRIPT = 1_000_000  # bytes


class ReleaseError(Exception):
    """The release cannot come to its place; the text says why."""


def begin(root: Path, release: str, keeps: Callable[[str], object] = bool) -> str:
    """Return a new directory to build the release in; empty when it is complete at its place already.

    What an earlier run left goes after an hour, but not while somebody works there, such as the pip of a play
    that was killed.

    :param keeps: is told who still works in what an earlier run left.
    """
    releases = root / "releases"
    clear(releases, keeps)
    if release in host.releases(root)["releases"]:
        return ""
    building = tempfile.mkdtemp(prefix=f"{BUILDING}{release}-", dir=releases)
    Path(building).chmod(0o755)
    return building


def clear(directory: Path, keeps: Callable[[str], object] = bool) -> None:
    """Remove what was left half-built an hour ago, but not while somebody works there.

    :param directory: what holds it.
    :param keeps: is told who still works in what an earlier run left.
    """
    for left in sorted(directory.glob(f"{BUILDING}*")):
        if needs := in_use.why(str(left)):
            keeps(f"{left} is kept: {needs}")
        elif _age(left) > LEFT_AFTER:
            paths.remove(str(left))


def finish(root: Path, release: str, building: Path, marker: Mapping[str, Any]) -> bool:
    """Bring what was built to its place; False when another run was faster, whose release then stays.

    :param marker: what `.complete` is to hold.
    :raises ReleaseError: what lies at the place is incomplete, and somebody needs it.
    """
    place = root / "releases" / release
    if not (building / "venv").is_symlink():
        move_programs(building / "venv", building, place)
    with alone(place.parent):
        return _finish(root, place, building, marker)


def _finish(root: Path, place: Path, building: Path, marker: Mapping[str, Any]) -> bool:
    if place.name in host.releases(root)["releases"]:
        paths.remove(str(building))
        return False
    _written(building / host.COMPLETE, json.dumps(dict(marker), indent=4) + "\n")
    if not place.exists():
        building.rename(place)
        return True
    if not (place / host.COMPLETE).exists() and (needs := in_use.why(str(place))):
        raise ReleaseError(f"{place} is incomplete, and {needs}; roll back, remove it, and play again")
    # One whose Python is gone: what runs from it keeps its open files; `current` names the new one at once.
    exchange(building, place)
    if not in_use.why(str(building)):
        paths.remove(str(building))
    return True


def discard(root: Path, building: Path) -> None:
    """Remove what was being built, and nothing else.

    :raises ReleaseError: this is no such directory.
    """
    if building.parent != root / "releases" or not building.name.startswith(BUILDING):
        raise ReleaseError(f"{building}: not a directory in which a release is built")
    paths.remove(str(building))


def _age(directory: Path) -> float:
    """Return for how many seconds nothing has changed at the top of a directory."""
    times = [each.lstat().st_mtime for each in (directory, *directory.iterdir())]
    return time.time() - max(times)


def move_programs(venv: Path, building: Path, place: Path) -> None:
    """Let what in a virtual environment names its own place name the one where it will be.

    pip writes the interpreter's path into the first lines of each program, and into a package that was
    installed to be edited (``-e``) the path of its code; Python finds the others by its own place.

    :param venv: the environment, in ``building`` or the same.
    :param building: where it was built.
    :param place: where that goes.
    """
    old, new = str(building).encode(), str(place).encode()
    for script in sorted(path for names in _WITH_PATHS for path in venv.glob(names)):
        if script.is_symlink() or not script.is_file() or script.stat().st_size > _LONGEST_SCRIPT:
            continue
        content = script.read_bytes()
        if old in content and b"\0" not in content:
            script.write_bytes(content.replace(old, new))
    configuration = venv / "pyvenv.cfg"
    with suppress(FileNotFoundError):
        configuration.write_text(configuration.read_text().replace(str(building), str(place)))


def _written(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    path.chmod(0o644)


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Let one process at a time look whether something is complete, and bring it to its place."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def exchange(one: Path, other: Path) -> None:
    """Let two directories change places in one step."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], RENAME_EXCHANGE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(other))
