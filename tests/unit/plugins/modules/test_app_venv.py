# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Releases share a virtual environment, which pip makes once; nobody loses one that is still needed."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import (
    files,
    host,
    in_use,
    releases,
    virtualenvs,
)
from unit.plugins.modules.running import run_module

BUILDER = {"user": pwd.getpwuid(os.geteuid()).pw_name, "command": ["env", "--unset=PYTHONPATH"]}
PRUNE = ("releases/[!.]*", "venvs/[!.]*")


class Host:
    """A host's /opt/celery, and wheels that pip finds there."""

    def __init__(self, place: Path) -> None:
        self.root, self.wheels = place / "celery", place / "wheels"
        (self.root / "releases").mkdir(parents=True)
        self.wheels.mkdir()

    def begin(self, release: str) -> Path:
        building = Path(releases.begin(self.root, release))
        (building / "app").mkdir()
        return building

    def stage(self, release: str, installed: str = "one", package: str = "greeter") -> dict[str, Any]:
        """Stage a release as stage.yml does, up to its import."""
        building = self.begin(release)
        (building / "packages.txt").write_text(f"{package}\n")
        result = run_module(
            "app_venv",
            directory=str(building),
            installed=installed,
            python=sys.executable,
            packages=[f"--requirement={building}/packages.txt"],
            arguments=["--no-index", f"--find-links={self.wheels}"],
            builder=BUILDER,
        )
        return {**result, "building": building}

    def install(self, release: str, **words: str) -> Path:
        """Stage a release, bring it to its place and switch to it; return its environment."""
        staged = self.stage(release, **words)
        assert not staged.get("failed"), staged
        return self.switch(release, staged["building"], Path(staged["path"]))

    def deploy(self, release: str, name: str) -> Path:
        """The same with an environment that is made without pip."""
        building = self.begin(release)
        words = [sys.executable, "-m", "venv", "--without-pip"]
        place, _built = virtualenvs.provide(
            self.root, name, lambda path: subprocess.run([*words, path], check=True)
        )
        (building / "venv").symlink_to(place)
        return self.switch(release, building, place)

    def switch(self, release: str, building: Path, venv: Path) -> Path:
        releases.finish(self.root, release, building, {})
        (self.root / "current").unlink(missing_ok=True)
        (self.root / "current").symlink_to(f"releases/{release}")
        return venv

    def prune(self, *keep: str) -> list[str]:
        """Remove the other releases; return what was said of those that stay all the same."""
        told: list[str] = []
        shared = host.releases(self.root)["virtualenvs"]
        kept = [
            *(f"releases/{name}" for name in keep),
            *{f"venvs/{shared[name]}" for name in keep if name in shared},
        ]
        wanted = [files.entry({"path": f"{self.root}/{name}", "state": "directory"}) for name in kept]
        for change in files.changes(wanted, [f"{self.root}/{glob}" for glob in PRUNE], keeps=told.append):
            change.apply()
        return told

    def venvs(self) -> list[str]:
        return sorted(path.name for path in (self.root / "venvs").iterdir())


@pytest.fixture
def machine(tmp_path: Path) -> Host:
    made = Host(tmp_path)
    name = "greeter"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(made.wheels / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", "import sys\ndef say(): print('hello from', sys.prefix)\n")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/entry_points.txt", f"[console_scripts]\nsay = {name}:say\n")
        wheel.writestr(f"{info}/RECORD", "")
    return made


@contextmanager
def working(python: Path, held: Path, cwd: Path) -> Iterator[int]:
    """A process that holds a file open, as a worker does the libraries of its environment."""
    program = f"held = open({str(held)!r}); import sys; print('up', flush=True); sys.stdin.read()"
    words = [str(python), "-c", program]
    with subprocess.Popen(
        words, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        yield process.pid
        process.communicate()


def test_five_releases_share_one_and_only_the_first_needs_pip(machine: Host) -> None:
    first = machine.install("r1")
    for wheel in machine.wheels.iterdir():  # pip would find nothing now
        wheel.unlink()
    assert {machine.install(f"r{number}") for number in range(2, 6)} == {first}
    assert machine.venvs() == [first.name]
    assert host.releases(machine.root)["virtualenvs"] == {f"r{number}": first.name for number in range(1, 6)}
    said = subprocess.run([machine.root / "current/venv/bin/say"], capture_output=True, text=True, check=True)
    assert said.stdout == f"hello from {first}\n"


def test_what_a_failed_import_leaves_is_there_for_the_next_try(machine: Host) -> None:
    staged = machine.stage("r1")
    releases.discard(machine.root, staged["building"])
    again = machine.stage("r2")
    assert (staged["built"], again["built"], again["path"]) == (True, False, staged["path"])


def test_what_pip_could_not_install_leaves_nothing(machine: Host) -> None:
    failed = machine.stage("r1", package="missing")
    assert "No matching distribution found for missing" in failed["msg"]
    assert machine.venvs() == []


def test_a_release_of_before_with_its_own_inside_is_one_as_ever(machine: Host) -> None:
    machine.install("old", installed="")
    machine.deploy("new", "one")
    assert host.releases(machine.root)["releases"] == ["new", "old"]
    machine.prune("new", "old")
    say = machine.root / "releases/old/venv/bin/say"
    said = subprocess.run([say], capture_output=True, text=True, check=True)
    assert said.stdout == f"hello from {machine.root}/releases/old/venv\n"


def test_what_is_told_to_pip_and_the_python_make_another(tmp_path: Path) -> None:
    own = virtualenvs.identity("one", sys.executable, [f"{tmp_path}/packages.txt"], tmp_path)
    elsewhere = tmp_path / "elsewhere"
    assert own == virtualenvs.identity("one", sys.executable, [f"{elsewhere}/packages.txt"], elsewhere)
    older = tmp_path / "python"
    older.write_text("#!/bin/sh\necho cpython-310 3.10.1 linux-aarch64\n")
    older.chmod(0o755)
    for installed, python, option in (
        ("two", sys.executable, ""), ("one", str(older), ""), ("one", sys.executable, "--pre")
    ):  # fmt: skip
        words = [option or f"{tmp_path}/packages.txt"]
        assert own != virtualenvs.identity(installed, python, words, tmp_path)


def test_one_that_no_release_uses_goes_with_the_last_and_that_of_a_rollback_stays(machine: Host) -> None:
    old, new = machine.deploy("r1", "one"), machine.deploy("r2", "two")
    machine.deploy("r3", "two")
    machine.prune("r1", "r3")
    assert machine.venvs() == [old.name, new.name]
    machine.prune("r3")
    assert machine.venvs() == [new.name]
    assert host.releases(machine.root)["releases"] == ["r3"]


def test_what_current_or_a_process_needs_stays_whatever_is_pruned(machine: Host) -> None:
    """Also where the process works elsewhere: any release that shares its environment may be its own."""
    used, named = machine.deploy("r1", "one"), machine.deploy("r2", "two")
    with working(machine.root / "releases/r1/venv/bin/python", used / "pyvenv.cfg", Path("/")):
        told = machine.prune()
    assert machine.venvs() == [used.name, named.name]
    assert host.releases(machine.root)["releases"] == ["r2", "r1"]
    assert [line for line in told if "runs from" in line]
    assert [line for line in told if "current names it" in line]


def test_a_process_of_one_release_keeps_no_other_that_shares_its_environment(machine: Host) -> None:
    venv = machine.deploy("r1", "one")
    machine.deploy("r2", "one")
    machine.deploy("r3", "one")
    place = machine.root / "releases/r2"
    with working(place / "venv/bin/python", venv / "pyvenv.cfg", place / "app") as pid:
        assert in_use.why(str(machine.root / "releases/r1")) == ""
        assert f"process {pid} " in in_use.why(str(place))


def test_one_whose_python_is_gone_is_made_anew_in_its_place(machine: Host) -> None:
    venv = machine.deploy("r1", "one")
    (venv / "pyvenv.cfg").write_text("version = 3.1\n")
    assert host.releases(machine.root)["releases"] == []
    assert machine.deploy("r1", "one") == venv
    assert host.releases(machine.root)["releases"] == ["r1"]
    assert machine.venvs() == [venv.name]


def test_an_interpreter_that_is_not_there_is_told(machine: Host) -> None:
    with pytest.raises(virtualenvs.InterpreterError, match=r"/no/python: .*No such file"):
        virtualenvs.identity("one", "/no/python", [], machine.root)
