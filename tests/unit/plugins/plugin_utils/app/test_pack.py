# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Requirements with hashes: what the app is packed to is what a real pip takes, and nothing else."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils.target import ArtifactError
from unit.plugins.plugin_utils.app.packing import packed_as

# Builds a wheel without anything that pip would have to fetch.
BACKEND = """
import zipfile
def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "shop-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as wheel:
        wheel.write("shop/__init__.py")
        for file, lines in {
            "METADATA": ["Metadata-Version: 2.1", "Name: shop", "Version: 1.0", "Requires-Dist: vine"],
            "WHEEL": ["Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any"],
        }.items():
            wheel.writestr(f"shop-1.0.dist-info/{file}", "\\n".join([*lines, ""]))
        wheel.writestr("shop-1.0.dist-info/RECORD", "")
    return name
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def make_wheel(directory: Path, name: str, *needs: str) -> str:
    """Make a wheel, and return the line of it with its hash."""
    path = directory / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    lines = [f"Name: {name}", "Version: 1.0", "Provides-Extra: redis"]
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", "")
        needed = [f"Requires-Dist: {need}" for need in needs]
        wheel.writestr(f"{info}/METADATA", "\n".join(["Metadata-Version: 2.1", *lines, *needed, ""]))
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


class Fleet:
    """The wheels that an index has, an app, and a host that gets it."""

    def __init__(self, place: Path) -> None:
        self.place, self.index = place, place / "index"
        self.index.mkdir()
        self.lines = [
            make_wheel(self.index, "celery", 'redis; extra == "redis"', "vine"),
            make_wheel(self.index, "redis"),
            make_wheel(self.index, "vine"),
        ]
        self.packages = ["celery[redis]>=0.9,<2"]
        self.tree = place / "tree"
        self.write("shop/__init__.py", "")
        self.write("shop/celery.py", "app = None\n")

    def write(self, name: str, text: str) -> None:
        (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
        (self.tree / name).write_text(text)

    def deploy(self, source: dict[str, Any] | None = None, **more: Any) -> subprocess.CompletedProcess[str]:
        """Pack the app, unpack it on the host and run pip as the role does."""
        releases = self.place / "releases"
        asked: dict[str, Any] = {
            "source": source or {"type": "directory", "path": str(self.tree)},
            "target": "shop.celery:app",
            "packages": self.packages,
            "releases": str(releases),
            "cache": str(self.place / "cache"),
            **more,
        }
        packed: Any = packed_as(asked)
        with tarfile.open(packed["path"]) as bundle:
            bundle.extractall(packed["directory"], filter="data")
        words = ["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "--target"]
        words += [str(self.place / "installed"), "--no-index", "--find-links", str(self.index)]
        words += [*packed["pip_arguments"], *packed["pip_packages"]]
        words += [f"--requirement={packed['pip_beside']}"] if packed["pip_beside"] else []
        return subprocess.run([sys.executable, *words], cwd="/", capture_output=True, text=True, check=False)

    def installed(self) -> list[str]:
        """Return the names of what was installed."""
        return sorted(path.name.split("-")[0] for path in (self.place / "installed").glob("*.dist-info"))


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


@pytest.mark.parametrize("packages", [["celery[redis]>=0.9,<2"], []], ids=["the default's like", "none"])
def test_hashed_requirements_beside_packages_without(fleet: Fleet, packages: list[str]) -> None:
    fleet.packages = packages
    fleet.write("requirements.txt", "\n".join(fleet.lines))
    done = fleet.deploy()
    assert done.returncode == 0, done.stderr
    assert fleet.installed() == ["celery", "redis", "vine"]


def test_packages_with_hashes_and_no_requirements(fleet: Fleet) -> None:
    fleet.packages = [fleet.lines[0].replace("celery", "celery[redis]"), *fleet.lines[1:]]
    done = fleet.deploy()
    assert done.returncode == 0, done.stderr
    assert fleet.installed() == ["celery", "redis", "vine"]


def test_a_package_without_a_hash_is_refused_where_others_have_one(fleet: Fleet) -> None:
    fleet.write("requirements.txt", "\n".join(fleet.lines[:2]))
    done = fleet.deploy()
    assert done.returncode != 0
    assert "--require-hashes mode" in done.stderr
    assert "vine" in done.stderr


def test_a_package_that_is_another_is_refused(fleet: Fleet) -> None:
    fleet.write("requirements.txt", "\n".join(fleet.lines))
    make_wheel(fleet.index, "vine", "redis")
    done = fleet.deploy()
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


@pytest.mark.parametrize("where", ["requirements.txt", "all/locked.txt"])
def test_a_project_with_hashed_requirements(fleet: Fleet, where: str) -> None:
    fleet.write("pyproject.toml", PROJECT)
    fleet.write("backend.py", BACKEND)
    fleet.write("requirements.txt", "-r all/locked.txt\n")
    fleet.write(where, "\n".join(fleet.lines))
    done = fleet.deploy()
    assert done.returncode == 0, done.stderr
    assert fleet.installed() == ["celery", "redis", "shop", "vine"]


def test_an_archive_beside_packages_with_hashes(fleet: Fleet) -> None:
    make_wheel(fleet.place, "shop", "vine")
    fleet.packages = [fleet.lines[0].replace("celery", "celery[redis]"), *fleet.lines[1:]]
    done = fleet.deploy({"type": "archive", "path": str(fleet.place / "shop-1.0-py3-none-any.whl")})
    assert done.returncode == 0, done.stderr
    assert fleet.installed() == ["celery", "redis", "shop", "vine"]


def test_an_app_from_the_index_with_its_hash(fleet: Fleet) -> None:
    line = make_wheel(fleet.index, "shop", "vine")
    fleet.packages = [fleet.lines[0].replace("celery", "celery[redis]"), *fleet.lines[1:]]
    done = fleet.deploy({"type": "requirement", "name": line})
    assert done.returncode == 0, done.stderr
    assert fleet.installed() == ["celery", "redis", "shop", "vine"]


@pytest.mark.parametrize("entry", ["celery\n--index-url=http://evil", "celery \\", "celery\u2028vine"])
def test_an_entry_is_one_line(fleet: Fleet, entry: str) -> None:
    asked = {"source": {"type": "directory", "path": str(fleet.tree)}, "target": "shop.celery:app"}
    with pytest.raises(ArtifactError, match="more than one line; write it on one"):
        packed_as({**asked, "packages": [entry], "cache": str(fleet.place / "cache")})
