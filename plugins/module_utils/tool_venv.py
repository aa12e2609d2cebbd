# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A program of PyPI in a virtual environment of its own, built aside and complete or absent."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import builder as builders

MARKER = ".complete"
ID_LENGTH = 12
_ID = f"[0-9a-f]{{{ID_LENGTH}}}"
_TOLD_LINES = 15


class VenvError(Exception):
    """The environment could not be built: what was run, and the end of what it said."""


def place(root: Path, packages: Sequence[str], python: str = "") -> Path:
    """Return where the environment of these packages lives; for another Python it is another place.

    :param python: the version of the host's; empty for that of this process.
    """
    content = json.dumps([sorted(packages), python or platform.python_version()])
    return root / hashlib.sha256(content.encode()).hexdigest()[:ID_LENGTH]


def is_complete(venv: Path) -> bool:
    """Tell whether the environment was built to its end."""
    return (venv / MARKER).exists()


def others(venv: Path) -> list[Path]:
    """Return the environments that other packages, or another Python, left beside this one."""
    return sorted(path for path in venv.parent.glob("[0-9a-f]" * ID_LENGTH) if path != venv)


def shown(
    found: Iterable[str], patterns: Iterable[str], root: Path, packages: Sequence[str], python: str
) -> str:
    """Return where the environment is; nothing where a snapshot does not show that it is complete and alone.

    :param found: the paths of the snapshot.
    :param patterns: what it looked for.
    :param python: the version of the host's.
    """
    paths = set(found)
    venv = place(root, packages, python)
    alone = not any(re.fullmatch(rf"{re.escape(str(root))}/{_ID}", path) for path in paths - {str(venv)})
    looked = {f"{root}/*", f"{root}/*/{MARKER}"} <= set(patterns)
    return str(venv) if python and looked and alone and str(venv / MARKER) in paths else ""


def build(venv: Path, packages: Sequence[str], wheelhouse: str, builder: Mapping[str, Any]) -> None:
    """Build the environment, over the remains of an interrupted attempt.

    :param venv: Where.
    :param packages: What pip installs.
    :param wheelhouse: Directory or tarball on this host that holds all wheels needed; empty asks pip's index.
    :param builder: Who builds, and in what sandbox (module_utils/builder.py).
    :raises VenvError: Python cannot make environments, or pip cannot install the packages.
    """
    shutil.rmtree(venv, ignore_errors=True)
    venv.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    try:
        # Beside the environment: the builder has a /tmp of its own.
        with tempfile.TemporaryDirectory(prefix=".wheels-", dir=venv.parent) as unpacked:
            Path(unpacked).chmod(0o755)
            words = [*_source(wheelhouse, unpacked), *packages]
            builders.build(builder, venv, venv, sys.executable, words)
        builders.mark(venv / MARKER, json.dumps({"packages": list(packages)}))
    except builders.BuildError as error:
        shutil.rmtree(venv, ignore_errors=True)
        told = "\n".join(error.said.splitlines()[-_TOLD_LINES:])
        raise VenvError(f"{error}\n{told}") from None
    except BaseException:
        shutil.rmtree(venv, ignore_errors=True)
        raise


def _source(wheelhouse: str, unpacked: str) -> Sequence[str]:
    """Return where pip looks; a tarball's wheels are laid into ``unpacked``, whatever directories it has."""
    if not wheelhouse:
        return ()
    if Path(wheelhouse).is_dir():
        return ("--no-index", "--find-links", wheelhouse)
    with tarfile.open(wheelhouse) as tarball:
        for member in tarball:
            if content := tarball.extractfile(member):
                (Path(unpacked) / Path(member.name).name).write_bytes(content.read())
    return ("--no-index", "--find-links", unpacked)
