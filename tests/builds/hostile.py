# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A package whose build code reads and writes what it may not, and tells in its wheel how far it came.

It needs no other package to be built: the backend lies in the tree (PEP 517).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""

_BACKEND = """\
import os, sys, zipfile
from pathlib import Path

READS, WRITES, LISTS, MARK = {reads!r}, {writes!r}, {lists!r}, {mark!r}


def attempt(deed):
    try:
        return deed() or "done"
    except OSError as error:
        return type(error).__name__


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    told = {{
        "uid": str(os.geteuid()),
        "read": attempt(lambda: Path(READS).read_text()),
        "wrote": attempt(lambda: Path(WRITES).write_text("pwned")),
        "listed": {{place: attempt(lambda: sorted(os.listdir(place))) for place in LISTS}},
        "fences": dict(line.split(":\\t") for line in Path("/proc/self/status").read_text().splitlines()
                       if line.startswith(("NoNewPrivs:", "Seccomp:", "CapBnd:"))),
    }}
    left = Path("left")
    left.write_text("#!/bin/sh")
    for deed in (
        lambda: left.chmod(0o777),
        lambda: left.chmod(0o6777),
        lambda: os.mkfifo("pipe"),
        lambda: os.symlink(WRITES, "link"),
        # Where the virtual environment is: pip runs from it.
        lambda: MARK and os.symlink(WRITES, Path(sys.executable).parent.parent / ".complete"),
    ):
        attempt(deed)
    name = "hostile-1.0-py3-none-any.whl"
    with zipfile.ZipFile(Path(wheel_directory) / name, "w") as wheel:
        info = "hostile-1.0.dist-info"
        wheel.writestr("hostile.py", "TOLD = " + repr(told))
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: hostile\\nVersion: 1.0\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return name
"""


def hostile_package(
    directory: Path, reads: Path, writes: Path, lists: Sequence[str] = (), mark: bool = False
) -> Path:
    """Write the package's source and return its directory.

    :param reads: a file that its build tries to read.
    :param writes: a file that its build tries to write.
    :param lists: directories whose content it tries to see.
    :param mark: let the mark of a complete virtual environment lead to that file.
    """
    directory.mkdir(parents=True)
    (directory / "pyproject.toml").write_text(_PROJECT)
    backend = _BACKEND.format(reads=str(reads), writes=str(writes), lists=list(lists), mark=mark)
    (directory / "backend.py").write_text(backend)
    return directory
