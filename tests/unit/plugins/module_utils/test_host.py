# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is read from a host's own files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import host

MEMINFO = "MemTotal:        4030488 kB\nMemFree:          123 kB\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 4.0),
        ({"cpu.max": "max 100000\n"}, 4.0),
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "900000 100000\n"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "50000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 0.5),
    ],
)
def test_cores_are_what_affinity_and_quota_leave(
    tmp_path: Path, files: dict[str, str], expected: float
) -> None:
    write(tmp_path, files)
    assert host.cores(4, tmp_path) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 3936),
        ({"memory.max": "max\n"}, 3936),
        ({"memory.max": str(512 * 1024 * 1024)}, 512),
        ({"memory/memory.limit_in_bytes": "9223372036854771712"}, 3936),
        ({"memory/memory.limit_in_bytes": str(1024 * 1024 * 1024)}, 1024),
    ],
)
def test_memory_is_what_the_machine_and_the_cgroup_leave(
    tmp_path: Path, files: dict[str, str], expected: int
) -> None:
    write(tmp_path, files)
    assert host.memory_mb(MEMINFO, tmp_path) == expected


def write(root: Path, files: dict[str, str]) -> None:
    """Write files under a directory."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_versions_of_systemd() -> None:
    assert host.systemd_version("systemd 252 (252.38-1~deb12u1)\n+PAM") == 252
    assert host.systemd_version("") == 0


def test_a_package_that_was_removed_but_left_its_configuration_is_missing() -> None:
    listing = "ii  tzdata\nrc  redis-server\nun  gone\n"
    assert host.missing_packages(["redis-server", "tzdata", "python3-venv"], listing) == [
        "redis-server",
        "python3-venv",
    ]


def release(root: Path, name: str, age: float, python: str = "3.11", interpreter: str = "python3.11") -> None:
    """Make a complete release whose virtual environment points at an interpreter."""
    write(
        root,
        {
            f"releases/{name}/.complete": "{}",
            f"releases/{name}/venv/pyvenv.cfg": f"home = /usr/bin\nversion = {python}.2\n",
            f"interpreters/{interpreter}": "",
        },
    )
    link = root / f"releases/{name}/venv/bin/python"
    link.parent.mkdir()
    link.symlink_to(root / "interpreters" / interpreter)
    os.utime(root / f"releases/{name}/.complete", (age, age))


def test_releases_are_listed_newest_first_and_only_when_complete(tmp_path: Path) -> None:
    release(tmp_path, "old", 1)
    release(tmp_path, "new", 3)
    release(tmp_path, "middle", 2)
    (tmp_path / "releases/half").mkdir()
    (tmp_path / "current").symlink_to("releases/old")
    (tmp_path / "releases/old/.deployed").touch()
    (tmp_path / "releases/half/.deployed").touch()
    (tmp_path / ".checked").write_text("f00\n")
    (tmp_path / ".rolled_back").write_text("bad\n")
    assert host.releases(tmp_path) == {
        "release": "old",
        "releases": ["new", "middle", "old"],
        "virtualenvs": {},
        "deployed": ["old"],
        "checked": "f00",
        "rolled_back": "bad",
    }


def test_a_release_made_with_another_python_is_not_complete(tmp_path: Path) -> None:
    release(tmp_path, "before-upgrade", 1, python="3.11", interpreter="python3.13")
    release(tmp_path, "after", 2, python="3.13", interpreter="python3.13")
    assert host.releases(tmp_path)["releases"] == ["after"]
    (tmp_path / "interpreters/python3.13").unlink()
    assert host.releases(tmp_path)["releases"] == []


def test_a_host_without_releases_has_none(tmp_path: Path) -> None:
    assert host.releases(tmp_path) == {
        "release": "", "releases": [], "virtualenvs": {}, "deployed": [], "checked": "", "rolled_back": "",
    }  # fmt: skip


def test_room_is_what_is_free_and_what_is_held(tmp_path: Path) -> None:
    """A directory that is not there yet has the room of the one that is."""
    free = host.room_mb(tmp_path / "not/yet")
    assert free > 0
    (tmp_path / "data").mkdir()
    (tmp_path / "data/aof").write_bytes(os.urandom(8 * 2**20))
    os.sync()
    (tmp_path / "other").mkdir()
    assert host.room_mb(tmp_path / "data") > host.room_mb(tmp_path / "other")
