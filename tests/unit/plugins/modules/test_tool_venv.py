# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A program in an environment of its own: complete, or not there. The program here is made by the test."""

from __future__ import annotations

import os
import platform
import pwd
import subprocess
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import tool_venv
from unit.plugins.modules.running import run_module

# As another user in tests/unit/plugins/plugin_utils/run: the directories of pytest are closed to others.
BUILDER = {"user": pwd.getpwuid(os.geteuid()).pw_name, "command": ["env"]}


@pytest.fixture
def wheelhouse(tmp_path: Path) -> Path:
    """Return a directory with one wheel, of a package called greeter."""
    house = tmp_path / "wheelhouse"
    house.mkdir()
    info = "greeter-1.0.dist-info"
    with zipfile.ZipFile(house / "greeter-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("greeter.py", "GREETING = 'hello'\n")
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: greeter\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return house


def run(root: Path, wheelhouse: Path, *packages: str, check: bool = False) -> dict[str, Any]:
    """Run the module and return its result."""
    words = {"root": str(root), "wheelhouse": str(wheelhouse), "packages": packages, "builder": BUILDER}
    return run_module("tool_venv", check, **words)


def test_builds_once_and_predicts_it(tmp_path: Path, wheelhouse: Path) -> None:
    """Check mode tells what the run does; the second run does nothing; the program works."""
    root = tmp_path / "tool"
    foretold = run(root, wheelhouse, "greeter==1.0", check=True)
    assert (foretold["changed"], root.exists()) == (True, False)
    done = run(root, wheelhouse, "greeter==1.0")
    assert (done["changed"], done["path"]) == (True, foretold["path"])
    again = run(root, wheelhouse, "greeter==1.0")
    assert (again["changed"], again["path"]) == (False, done["path"])
    python = Path(done["path"]) / "bin/python"
    said = subprocess.run(
        [python, "-c", "import greeter; print(greeter.GREETING)"], capture_output=True, check=True
    )
    assert said.stdout == b"hello\n"


def test_other_packages_take_the_place(tmp_path: Path, wheelhouse: Path) -> None:
    """The old environment goes when the new one is complete, and what else lies there stays."""
    root = tmp_path / "tool"
    first = run(root, wheelhouse, "greeter==1.0")
    (root / "etc").mkdir()
    second = run(root, wheelhouse, "greeter")
    assert second["changed"]
    assert sorted(path.name for path in root.iterdir()) == sorted([Path(second["path"]).name, "etc"])
    assert first["path"] != second["path"]


def test_what_was_interrupted_is_built_anew(tmp_path: Path, wheelhouse: Path) -> None:
    """Without its mark an environment is not taken for one."""
    root = tmp_path / "tool"
    place = Path(run(root, wheelhouse, "greeter==1.0", check=True)["path"])
    (place / "bin").mkdir(parents=True)
    (place / "bin/python").write_text("half")
    done = run(root, wheelhouse, "greeter==1.0")
    assert done["changed"]
    assert subprocess.run([place / "bin/python", "-c", "import greeter"], check=False).returncode == 0


def test_a_tarball_of_wheels(tmp_path: Path, wheelhouse: Path) -> None:
    """Whatever directories are in it."""
    tarball = tmp_path / "wheels.tar.gz"
    with tarfile.open(tarball, "w:gz") as archive:
        archive.add(wheelhouse, "some/where")
    assert run(tmp_path / "tool", tarball, "greeter==1.0")["changed"]


def test_what_pip_cannot_find_is_told(tmp_path: Path, wheelhouse: Path) -> None:
    """With the end of pip's words; nothing is left of it, and the old one stays."""
    root = tmp_path / "tool"
    old = run(root, wheelhouse, "greeter==1.0")
    failed = run(root, wheelhouse, "greeter==2.0")
    assert failed["failed"]
    assert "packages = greeter==2.0: not installed; fix the names" in failed["msg"]
    assert "No matching distribution found for greeter==2.0" in failed["msg"]
    assert list(root.iterdir()) == [Path(old["path"])]
    assert not run(root, wheelhouse, "greeter==1.0")["changed"]


def test_a_snapshot_shows_what_the_module_would_find(tmp_path: Path, wheelhouse: Path) -> None:
    """Complete and alone: the host need not be asked. Whatever else it shows, it is."""
    root, patterns = tmp_path / "tool", [f"{tmp_path}/tool/*", f"{tmp_path}/tool/*/.complete"]

    def shown(
        *packages: str, version: str = platform.python_version(), looked: Sequence[str] = tuple(patterns)
    ) -> str:
        found = [str(path) for path in (*root.glob("*"), *root.glob("*/.complete"))]
        return tool_venv.shown(found, looked, root, packages, version)

    assert shown("greeter==1.0") == ""
    place = run(root, wheelhouse, "greeter==1.0")["path"]
    assert shown("greeter==1.0") == place
    assert [shown("greeter"), shown("greeter==1.0", version="3.9.1")] == ["", ""]
    assert shown("greeter==1.0", version="") == ""
    assert shown("greeter==1.0", looked=patterns[:1]) == ""
    (root / "0123456789ab").mkdir()
    assert shown("greeter==1.0") == ""
    (root / "0123456789ab").rmdir()
    (Path(place) / ".complete").unlink()
    assert shown("greeter==1.0") == ""
