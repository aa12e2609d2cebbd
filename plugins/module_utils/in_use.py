# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether somebody still needs a directory: a link such as `current` names it, or a process runs from it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
# What of a process tells where it runs from, besides its open files: its working directory, its program, its
# libraries, its words.
_LINKS, _TEXTS = ("cwd", "exe", "root"), ("maps", "cmdline")


def why(directory: str) -> str:
    """Return who needs the directory, in words; empty when nobody does.

    :param directory: absolute; links two levels up count, as /opt/celery/current does for
        /opt/celery/releases/<id>.
    """
    real = os.path.realpath(directory)
    for link in _links(Path(directory).parent.parent):
        if os.path.realpath(link) == real:
            return f"{link} names it"
    for process in PROC.iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid() and _runs_from(process, real):
            return f"process {process.name} ({_name(process)}) runs from it"
    return ""


def _links(directory: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (path for path in directory.iterdir() if path.is_symlink())


def _runs_from(process: Path, directory: str) -> bool:
    inside = f"{directory}/"
    links = [process / name for name in _LINKS]
    with suppress(OSError):  # it may end meanwhile, or be somebody else's
        links += (process / "fd").iterdir()
    for path in links:
        with suppress(OSError):
            if f"{path.readlink()}/".startswith(inside):
                return True
    for name in _TEXTS:
        with suppress(OSError):
            text = (process / name).read_bytes()
            if inside.encode() in text or f"{directory}\0".encode() in text:
                return True
    return False


def _name(process: Path) -> str:
    with suppress(OSError):
        return (process / "comm").read_text(errors="replace").strip()
    return "?"
