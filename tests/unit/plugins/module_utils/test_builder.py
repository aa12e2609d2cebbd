# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A package's build code runs as a user of its own, and what it leaves becomes root's.

The builder is the user nobody, without systemd's sandbox, so these tests want root, as CI and the lab have
it; what the sandbox adds is tried on hosts (tests/hosts/builds).
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import builder, tool_venv
from builds.hostile import hostile_package
from unit.plugins.modules.running import run_module

NOBODY = pwd.getpwnam("nobody")
# setpriv itself still starts a program with root's capabilities; env has none.
COMMAND = [
    *("setpriv", "--reuid=nobody", f"--regid={NOBODY.pw_gid}", "--clear-groups", "--no-new-privs"),
    *("--", "env", "--unset=PYTHONPATH", "HOME=/var/tmp"),
]
BUILDER: dict[str, Any] = {"user": "nobody", "command": COMMAND}


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of root's that others may enter, as /opt is; pytest's own is closed to them."""
    path = Path(tempfile.mkdtemp(prefix="builds-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def closed(place: Path) -> Path:
    """A directory of root's alone, with a secret in it."""
    path = place / "closed"
    path.mkdir(0o700)
    (path / "secret").write_text("hunter2\n")
    return path


@pytest.fixture(scope="module")
def python() -> str:
    """An interpreter that nobody can run: the one of these tests may be in root's home."""
    names = (str(Path(sys.base_prefix) / "bin/python3"), "/usr/bin/python3")
    program = "import sys, ensurepip; assert sys.version_info >= (3, 10)"
    for name in names:
        if subprocess.run([*COMMAND, name, "-c", program], check=False).returncode == 0:
            return name
    raise AssertionError(f"none of {names} can be run by nobody and make virtual environments")


def venv_of(directory: Path, python: str, *packages: str, **arguments: Any) -> dict[str, Any]:
    words = {"packages": packages, "builder": BUILDER, "python": python, **arguments}
    return run_module("app_venv", directory=str(directory), **words)


def told(venv: Path) -> dict[str, Any]:
    """What the build code managed to do."""
    program = "import hostile, json; print(json.dumps(hostile.TOLD))"
    command = [str(venv / "bin/python"), "-I", "-c", program]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_build_code_does_nothing_as_root_and_what_it_leaves_is_roots(
    place: Path, closed: Path, python: str
) -> None:
    """Also what it made writable for all, setuid, a link or a pipe."""
    building = place / "building"
    hostile_package(building / "app", reads=closed / "secret", writes=closed / "pwned")
    done = venv_of(building, python, str(building / "app"))
    assert done.get("changed"), done["msg"]
    did = told(building / "venv")
    assert (did["uid"], did["read"], did["wrote"]) == (str(NOBODY.pw_uid), *["PermissionError"] * 2)
    assert [path.name for path in closed.iterdir()] == ["secret"]
    assert (building / "app/left").exists()
    for path in (building, *building.rglob("*")):
        found = path.lstat()
        assert (found.st_uid, found.st_gid) == (0, 0), path
        if not path.is_symlink():
            assert stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode), path
            assert stat.S_IMODE(found.st_mode) in (0o755, 0o644), path
    assert not (building / "app/pipe").exists()


def test_a_tool_is_built_so_too_and_its_mark_follows_no_link(
    place: Path, closed: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = hostile_package(place / "source", reads=closed / "secret", writes=closed / "pwned", mark=True)
    for path in (source, *source.iterdir()):
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    monkeypatch.setattr(sys, "executable", python)
    venv = tool_venv.place(place / "tool", [str(source)])
    tool_venv.build(venv, [str(source)], "", BUILDER)
    assert told(venv)["wrote"] == "PermissionError"
    assert [path.name for path in closed.iterdir()] == ["secret"]
    assert tool_venv.is_complete(venv)
    found = (venv / ".complete").lstat()
    assert (stat.S_ISREG(found.st_mode), found.st_uid) == (True, 0)


def test_pip_is_told_what_roots_configuration_says_and_the_arguments(
    place: Path, python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the environment, and by a file that only root may read; arguments are split as a shell would."""
    building = place / "building"
    building.mkdir()
    configuration = place / "pip.conf"
    configuration.write_text("[install]\nno-index = true\n")
    configuration.chmod(0o600)
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("PIP_VERBOSE", "1")
    failed = venv_of(building, python, "nosuch==9", arguments=["--find-links '/no where'"])
    assert failed["failed"]
    assert "Using pip " in failed["msg"], "PIP_VERBOSE was not heard"
    assert "Looking in indexes" not in failed["msg"], "no-index was not heard"
    assert "Location '/no where' is ignored" in failed["msg"], "the argument was split otherwise"
    assert "ERROR: No matching distribution found for nosuch==9" in failed["msg"]


def test_of_roots_environment_pip_and_compilers_hear_what_is_theirs(place: Path) -> None:
    configuration = place / "pip.conf"
    configuration.write_text(
        "[global]\nindex-url = https://one.example/simple\nextra-index-url =\n    https://two.example\n"
        "    https://three.example\n[list]\nformat = json\n"
    )
    found = builder.environment({
        "PIP_CONFIG_FILE": str(configuration), "PIP_INDEX_URL": "https://four.example/simple",
        "https_proxy": "http://proxy.example:3128", "CFLAGS": "-O2", "VAULT_TOKEN": "s3cret", "HOME": "/root",
        "LD_PRELOAD": "/x.so", "PYTHONPATH": "/x", "PIP_LOG": "two\nlines",
    })  # fmt: skip
    # The machine's own files may say more.
    assert (
        found.items()
        >= {
            "PIP_INDEX_URL": "https://four.example/simple",
            "PIP_EXTRA_INDEX_URL": "https://two.example https://three.example",
            "https_proxy": "http://proxy.example:3128",
            "CFLAGS": "-O2",
        }.items()
    )
    assert not {"VAULT_TOKEN", "HOME", "LD_PRELOAD", "PYTHONPATH", "PIP_LOG", "PIP_FORMAT"} & set(found)
