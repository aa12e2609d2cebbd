# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The app's requirements come first, what is installed beside them gives way, and pip tells a conflict.

The index here has the shape of the real one: a new Celery needs a new redis-py, older ones take an old one.
The oldest kombu does not build.
"""

from __future__ import annotations

import io
import os
import pwd
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import releases
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.release import stage_failure
from unit.plugins.modules.running import run_module
from unit.plugins.plugin_utils.app.packing import packed_as

BUILDER = {"user": pwd.getpwuid(os.geteuid()).pw_name, "command": ["env", "--unset=PYTHONPATH"]}
WHEELS = {
    "celery-5.7.0": ["kombu>=5.7", 'kombu[redis]; extra == "redis"'],
    "celery-5.5.3": ["kombu<5.6,>=5.5", 'kombu[redis]; extra == "redis"'],
    "celery-5.4.0": ["kombu<5.5,>=5.3", 'redis; extra == "redis"'],
    "kombu-5.7.0": ['redis>=6.4; extra == "redis"'],
    "kombu-5.4.2": [],
    "kombu-5.5.4": ['redis<=5.2.1,>=4.5.2; extra == "redis"'],
    "redis-6.4.0": [],
    "redis-4.6.0": [],
    "pricing-1.0": ["redis<5"],
    "gevent-25.1": [],
}
PACKAGES = ["celery[redis]>=5.5,<5.8", "gevent"]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("index")
    for name, needs in WHEELS.items():
        package, version = name.split("-")
        info = f"{package}-{version}.dist-info"
        lines = ["Metadata-Version: 2.1", f"Name: {package}", f"Version: {version}", "Provides-Extra: redis"]
        with zipfile.ZipFile(place / f"{name}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{package}.py", "")
            wheel.writestr(
                f"{info}/METADATA", "\n".join([*lines, *(f"Requires-Dist: {need}" for need in needs), ""])
            )
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    files = {
        "setup.py": b"raise SystemExit('use_2to3 is invalid')\n",
        "backend.py": b"raise SystemExit('use_2to3 is invalid')\n",
        "pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    }
    with tarfile.open(place / "kombu-3.0.19.tar.gz", "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"kombu-3.0.19/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return place


def stage(place: Path, index: Path, requirements: str, packages: list[str] | None = None) -> dict[str, Any]:
    """Stage an app as the role does, and return what was installed, or why it was not."""
    tree, root = place / "tree", place / "celery"
    for directory in (tree, root / "releases"):
        directory.mkdir(parents=True)
    (tree / "shop.py").write_text("app = None\n")
    (tree / "requirements.txt").write_text(requirements)
    packed = packed_as({
        "source": {"type": "directory", "path": str(tree)},
        "target": "shop:app",
        "packages": PACKAGES if packages is None else packages,
        "cache": str(place / "cache"),
        "releases": str(root / "releases"),
    })
    building = Path(releases.begin(root, packed["release"]))
    with tarfile.open(packed["path"]) as bundle:
        bundle.extractall(building, filter="data")

    def moved(words: list[str]) -> list[str]:
        return [word.replace(packed["directory"], str(building)) for word in words]

    done = run_module(
        "app_venv",
        directory=str(building),
        installed=packed["installed"],
        python=sys.executable,
        packages=moved(packed["pip_packages"]),
        beside=moved([packed["pip_beside"]])[0],
        arguments=[*moved(packed["pip_arguments"]), "--no-index", f"--find-links={index}"],
        builder=BUILDER,
    )
    if done.get("failed"):
        return {"told": stage_failure(done["msg"], "w1", "directory /src/shop", "")}
    found = Path(done["path"]).glob("lib/python*/site-packages/*.dist-info")
    names = dict(path.name.removesuffix(".dist-info").split("-") for path in found)
    return {name: version for name, version in names.items() if name not in ("pip", "setuptools")}


def test_what_the_app_needs_stays_and_what_is_missing_comes_beside(tmp_path: Path, index: Path) -> None:
    assert stage(tmp_path, index, "celery==5.5.3\n") == {
        "celery": "5.5.3",
        "kombu": "5.5.4",
        "redis": "4.6.0",
        "gevent": "25.1",
    }


def test_an_old_client_that_the_app_pins_gets_a_celery_that_takes_it(tmp_path: Path, index: Path) -> None:
    found = stage(tmp_path, index, "celery>=5.3,<6\npricing\n")
    assert (found["celery"], found["kombu"], found["redis"]) == ("5.5.3", "5.5.4", "4.6.0")


def test_a_conflict_is_told_in_pips_own_words(tmp_path: Path, index: Path) -> None:
    told = stage(tmp_path, index, "celery==5.4.0\n")["told"]
    assert told.startswith("w1: celery_app_source = directory /src/shop: the release could not be made: ")
    assert "The user requested celery==5.4.0" in told
    assert "The user requested (constraint) celery<5.8,>=5.5" in told
    assert "change the app's requirement, or celery_app_packages" in told


def test_a_conflict_of_a_dependency_names_who_wants_what(tmp_path: Path, index: Path) -> None:
    told = stage(tmp_path, index, "pricing\ncelery==5.7.0\n")["told"]
    assert "kombu[redis] 5.7.0 depends on redis>=6.4; the app requires redis 4.6.0; " in told
    assert "The user requested (constraint) celery<5.7" in told
    assert "kombu-3.0.19" not in told
    assert "use_2to3" not in told
