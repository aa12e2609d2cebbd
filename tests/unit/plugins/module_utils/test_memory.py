# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is read of real processes, and of cgroups of both versions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import memory
from ansible_collections.celeryops.systemd.plugins.module_utils.memory import Cgroup

MIB = 1024 * 1024
# A parent that loads 40 MB, and a child of it that touches 60 MB of its own, gives them back, and keeps 20.
FAMILY = """
import mmap, os, sys
loaded = bytearray(os.urandom(1)) * (40 << 20)
down, up = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    kept = bytearray(b"k") * (20 << 20)
    spent = mmap.mmap(-1, 60 << 20)
    for place in range(0, 60 << 20, 4096):
        spent[place] = 1
    spent.close()
    os.write(up[1], b"x")
    os.read(down[0], 1)
    os._exit(0)
os.read(up[0], 1)
print(child, flush=True)
sys.stdin.read()
os.write(down[1], b"x")
os.waitpid(child, 0)
"""


@contextmanager
def family() -> Iterator[tuple[int, int]]:
    """The pids of a parent and its child, who live until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        yield parent.pid, int(parent.stdout.readline())
        assert parent.stdin
        parent.stdin.close()
        assert parent.wait(30) == 0


def test_a_childs_own_pages_its_peak_and_what_it_shares() -> None:
    with family() as pids:
        parent, child = (memory.read_process(pid) for pid in pids)
    assert parent
    assert child
    assert parent.pss_mb
    assert child.pss_mb
    # The 40 MB are in both, and shared; 20 MB are the child's; 60 MB were.
    assert parent.rss_mb > 40
    assert child.rss_mb > 60
    assert child.peak_mb >= child.rss_mb + 58
    assert parent.peak_mb < child.peak_mb - 58
    assert child.pss_mb < child.rss_mb - 15
    assert 100 > parent.pss_mb + child.pss_mb > 60


def test_a_process_that_is_gone_is_none() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        process.wait(30)
        assert memory.read_process(process.pid) is None
    assert memory.cgroup_of(process.pid) is None


def test_the_processes_of_a_cgroup_that_still_live(tmp_path: Path) -> None:
    with family() as (parent, child):
        (tmp_path / "cgroup.procs").write_text(f"{child}\n{2**22 + 1}\n{parent}\n")
        assert {process.pid for process in memory.members(tmp_path)} == {parent, child}
    assert memory.members(tmp_path) == []


V1 = {
    "memory.usage_in_bytes": str(100 * MIB),
    "memory.max_usage_in_bytes": str(120 * MIB + 1),
    "memory.limit_in_bytes": "9223372036854771712",
    "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
}
V2 = {
    "memory.current": str(100 * MIB),
    "memory.peak": str(120 * MIB + 1),
    "memory.max": "max",
    "memory.events": "low 0\nhigh 7\nmax 2\noom 3\noom_kill 3\noom_group_kill 0\n",
}


@pytest.mark.parametrize("files", [V1, V2], ids=["v1", "v2"])
def test_a_cgroup_of_either_version(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(f"{text}\n")
    assert memory.read_cgroup(tmp_path) == Cgroup(current_mb=100, peak_mb=121, limit_mb=None, oom_kills=3)


@pytest.mark.parametrize("name", ["memory.limit_in_bytes", "memory.max"])
def test_a_limit(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(f"{600 * MIB}\n")
    assert memory.read_cgroup(tmp_path).limit_mb == 600


@pytest.mark.parametrize(
    ("lines", "directory"),
    [
        ("0::/celery.slice/celery-worker@a.service\n", "celery.slice/celery-worker@a.service"),
        ("4:memory:/celery.slice/x\n1:name=systemd:/celery.slice/x\n0::/\n", "memory/celery.slice/x"),
        ("5:cpu,cpuacct:/x\n4:memory,hugetlb:/y\n", "memory/y"),
        ("1:name=systemd:/celery.slice/x\n", None),
    ],
    ids=["v2", "hybrid", "v1", "no memory"],
)
def test_where_a_process_is_accounted(tmp_path: Path, lines: str, directory: str | None) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7/cgroup").write_text(lines)
    found = memory.cgroup_of(7, proc=tmp_path, mount=tmp_path)
    assert found == (tmp_path / directory if directory else None)
