# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether somebody still needs a directory: a link such as `current` names it, or a process runs from it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
# What in a release is its own virtual environment, or a link to one that it shares.
VENV = "venv"
# What of a process tells where it runs from, besides its open files: its working directory, its program, its
# libraries, its words.
_LINKS, _TEXTS = ("cwd", "exe", "root"), ("maps", "cmdline")


def why(directory: str, gone: Collection[str] = ()) -> str:
    """Return who needs the directory, in words; empty when nobody does.

    :param directory: absolute; links two levels up count, as /opt/celery/current does for
        /opt/celery/releases/<id>, and those of the releases there to /opt/celery/venvs/<id>.
    :param gone: directories whose links do not count any more.
    """
    real, place = os.path.realpath(directory), Path(directory)
    for link in _links(place.parent.parent):
        if os.path.realpath(link) == real and str(link.parent) not in gone:
            return f"{link} names it"
    venv = os.path.realpath(place / VENV) if (place / VENV).is_symlink() else ""
    for process in PROC.iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        if _runs_from(process, real):
            return f"process {process.name} ({_name(process)}) runs from it"
        # Of the releases that share the environment it may be any, unless it works in one.
        if venv and _runs_from(process, venv) and not _works_below(process, str(Path(real).parent)):
            return f"process {process.name} ({_name(process)}) runs from its virtual environment"
    return ""


def _links(directory: Path) -> Iterator[Path]:
    with suppress(OSError):
        yield from (path for path in directory.iterdir() if path.is_symlink())
    yield from (path for path in directory.glob(f"releases/*/{VENV}") if path.is_symlink())


def _works_below(process: Path, directory: str) -> bool:
    with suppress(OSError):
        return str((process / "cwd").readlink()).startswith(f"{directory}/")
    return False


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
