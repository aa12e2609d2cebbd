# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Virtual environments that releases share, named after what is installed in them.

One is built beside, marked as complete, and comes to its place in one step; releases link to it. Nothing that
is at its place is changed there.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from ansible_collections.celeryops.systemd.plugins.module_utils import builder, host, in_use, paths, releases

DIRECTORY = "venvs"
ID_LENGTH = 16
# What installed packages depend on besides what pip is told.
_INTERPRETER = """\
import platform, sys, sysconfig
print(sys.implementation.cache_tag, platform.python_version(), sysconfig.get_platform(), *platform.libc_ver())
"""


class InterpreterError(Exception):
    """The interpreter does not run; the text says why."""


def identity(installed: str, python: str, words: Sequence[str], directory: Path) -> str:
    """Return the name of the environment.

    :param installed: what stands for the content of all that pip reads from a release.
    :param python: the interpreter.
    :param words: pip's, with its options.
    :param directory: the release that is being built, whose own name does not count.
    :raises InterpreterError: there is no such interpreter.
    """
    try:
        done = subprocess.run(
            [python, "-I", "-S", "-c", _INTERPRETER], check=True, capture_output=True, text=True, cwd="/"
        )
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", "") or ""
        raise InterpreterError(f"{python}: {' '.join(f'{error} {said}'.split())}") from None
    told = [word.replace(str(directory), "") for word in words]
    content = json.dumps([installed, python, told, done.stdout.split()])
    return hashlib.sha256(content.encode()).hexdigest()[:ID_LENGTH]


def provide(
    root: Path, name: str, build: Callable[[Path], object], keeps: Callable[[str], object] = bool
) -> tuple[Path, bool]:
    """Return the environment, and whether it had to be built.

    :param root: the directory with ``venvs`` in it.
    :param name: as ``identity`` gives it.
    :param build: builds one in an empty directory.
    :param keeps: is told who still works in what an earlier run left.
    """
    place = root / DIRECTORY / name
    place.parent.mkdir(mode=0o755, exist_ok=True)
    releases.clear(place.parent, keeps)
    if is_complete(place):
        return place, False
    building = Path(tempfile.mkdtemp(prefix=f"{releases.BUILDING}{name}-", dir=place.parent))
    building.chmod(0o755)
    try:
        build(building)
        releases.move_programs(building, building, place)
        builder.mark(building / host.COMPLETE, "")
    except BaseException:
        paths.remove(str(building))
        raise
    with releases.alone(place.parent):
        if not is_complete(place):
            _bring(building, place)
    if building.exists() and not in_use.why(str(building)):
        paths.remove(str(building))
    return place, True


def is_complete(venv: Path) -> bool:
    """Tell whether an environment was built to its end, and its Python is still there."""
    return (venv / host.COMPLETE).exists() and host.python_works(venv)


def _bring(building: Path, place: Path) -> None:
    if place.exists():  # its Python is gone: what runs from it keeps its open files
        releases.exchange(building, place)
    else:
        building.rename(place)
