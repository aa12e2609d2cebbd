# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A release comes to its place in one step, and what somebody needs is never removed."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import files, host, in_use, releases

RELEASE = "3f2b8c1d9a04"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "releases").mkdir()
    return tmp_path


def built(root: Path, word: str = "one") -> Path:
    """A release as `stage.yml` builds it, with a program of pip's kind in its virtual environment."""
    building = Path(releases.begin(root, RELEASE))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(building / "venv")], check=True)
    (building / "app").mkdir()
    (building / "app/word.py").write_text(f"WORD = {word!r}\n")
    program = building / "venv/bin/say"
    program.write_text(f"#!{building}/venv/bin/python\nimport sys; print(sys.prefix)\n")
    program.chmod(0o755)
    return building


@contextmanager
def running(*words: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(words, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def waiting(python: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A process of Python that has started, and is told these words."""
    program = "import sys; print('at work', flush=True); sys.stdin.read()"
    with running(python, "-c", program, *words, cwd=Path("/")) as process:
        assert process.stdout
        assert process.stdout.readline() == "at work\n"
        yield process


def finished(root: Path, building: Path) -> bool:
    return releases.finish(root, RELEASE, building, {"id": RELEASE})


def test_a_release_comes_to_its_place_and_its_programs_run_there(root: Path) -> None:
    building = built(root)
    assert host.releases(root)["releases"] == []
    assert finished(root, building)
    assert host.releases(root)["releases"] == [RELEASE]
    assert [path.name for path in (root / "releases").iterdir()] == [RELEASE]
    program = root / "releases" / RELEASE / "venv/bin/say"
    said = subprocess.run([program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == str(root / "releases" / RELEASE / "venv")


def test_two_runs_of_one_release_do_not_meet(root: Path) -> None:
    """Run B stands after it has begun, A finishes and its workers run; B goes on: the live release stays."""
    of_b, of_a = built(root, "b"), built(root, "a")
    assert finished(root, of_a)
    (root / "current").symlink_to(f"releases/{RELEASE}")
    place = root / "releases" / RELEASE
    inode = place.stat().st_ino
    with running("sleep", "60", cwd=place / "app"):
        assert not finished(root, of_b)
        assert releases.begin(root, RELEASE) == ""
    assert place.stat().st_ino == inode
    assert (place / "app/word.py").read_text() == "WORD = 'a'\n"
    assert not of_b.exists()


def test_of_many_that_finish_one_release_at_once_one_does(root: Path) -> None:
    """In processes of their own, as on a host; whatever came first is not touched again."""
    program = (
        "import sys; from pathlib import Path; "
        "from ansible_collections.celeryops.systemd.plugins.module_utils import releases; "
        "print('ready', flush=True); sys.stdin.read(1); "
        "print(releases.finish(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), {}))"
    )
    runs = []
    for building in [built(root, str(number)) for number in range(4)]:
        words = [sys.executable, "-c", program, str(root), RELEASE, str(building)]
        runs.append(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for run in runs:
        assert run.stdout
        assert run.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(len(runs)) as pool:
        said = [out.strip() for out in pool.map(lambda run: run.communicate("x")[0], runs)]
    assert sorted(said) == [*["False"] * 3, "True"]
    assert [path.name for path in (root / "releases").iterdir()] == [RELEASE]
    assert (root / "releases" / RELEASE / "app/word.py").read_text() == f"WORD = '{said.index('True')}'\n"


def test_a_pip_that_is_still_at_work_is_told(root: Path) -> None:
    """A play that was killed has left it; it works on in its own directory, and the new run in another."""
    left = built(root)
    told: list[str] = []
    with waiting(str(left / "venv/bin/python")) as pip:
        building = Path(releases.begin(root, RELEASE, keeps=told.append))
        assert building not in (left, Path())
        assert told == [f"{left} is kept: process {pip.pid} (python) runs from it"]
    told.clear()
    releases.begin(root, RELEASE, keeps=told.append)
    assert told == []


def test_a_process_that_was_told_the_directory_needs_it(root: Path) -> None:
    directory = root / "releases/told"
    directory.mkdir()
    with waiting(sys.executable, str(directory)) as process:
        assert f"process {process.pid} " in in_use.why(str(directory))
        assert in_use.why(str(root / "releases/tol")) == ""


def test_what_another_run_builds_is_left_while_somebody_works_there(root: Path) -> None:
    """The pip of a play that was killed goes on."""
    left, dead = built(root), built(root)
    another = Path(releases.begin(root, RELEASE))
    assert left.exists()
    assert dead.exists()
    for directory in (left, dead):
        for each in (*directory.iterdir(), directory):
            os.utime(each, (0, 0))
    with running("sleep", "60", cwd=left):
        releases.begin(root, RELEASE)
        assert left.exists()
        assert not dead.exists()
    releases.begin(root, RELEASE)
    assert not left.exists()
    assert another.exists()


def test_what_is_being_built_is_no_release(root: Path) -> None:
    """A run that is killed between its mark and its place leaves one that looks whole."""
    (built(root) / host.COMPLETE).touch()
    assert host.releases(root)["releases"] == []


def test_what_pip_installed_to_be_edited_in_place_is_found_after_the_move(root: Path) -> None:
    """As `-e git+https://...` of a requirements file leaves it, before setuptools 64 and after."""
    building = built(root)
    [packages] = building.glob("venv/lib/python*/site-packages")
    for name in ("early", "late"):
        (building / "venv/src" / name).mkdir(parents=True)
        (building / "venv/src" / name / f"{name}.py").write_text("")
    (packages / "easy-install.pth").write_text(f"{building}/venv/src/early\n")
    (packages / "__editable__.late-1.0.pth").write_text("import __editable___late_finder\n")
    (packages / "__editable___late_finder.py").write_text(
        f"import sys\nsys.path.append('{building}/venv/src/late')\n"
    )
    assert finished(root, building)
    python = root / "releases" / RELEASE / "venv/bin/python"
    subprocess.run([python, "-c", "import early, late"], check=True)


def test_only_what_was_being_built_is_discarded(root: Path) -> None:
    building = built(root)
    finished(root, building)
    with pytest.raises(releases.ReleaseError, match="not a directory in which a release is built"):
        releases.discard(root, root / "releases" / RELEASE)
    another = Path(releases.begin(root, "other"))
    releases.discard(root, another)
    assert [path.name for path in (root / "releases").iterdir()] == [RELEASE]


def test_a_release_whose_python_is_gone_is_replaced_and_current_never_dangles(root: Path) -> None:
    finished(root, built(root, "old"))
    (root / "current").symlink_to(f"releases/{RELEASE}")
    configuration = root / "releases" / RELEASE / "venv/pyvenv.cfg"
    configuration.write_text("version = 3.1\n")
    building = built(root, "new")
    missed, done = [], threading.Event()

    def look() -> None:
        while not done.is_set():
            if not (root / "current/app/word.py").exists():
                missed.append(True)

    watcher = threading.Thread(target=look)
    watcher.start()
    assert finished(root, building)
    done.set()
    watcher.join()
    assert missed == []
    assert (root / "current/app/word.py").read_text() == "WORD = 'new'\n"


def test_an_incomplete_one_that_somebody_needs_is_named(root: Path) -> None:
    """As a version before this one may have left it."""
    (root / "releases" / RELEASE).mkdir()
    (root / "current").symlink_to(f"releases/{RELEASE}")
    with pytest.raises(releases.ReleaseError, match=r"is incomplete, and .*current names it"):
        finished(root, built(root))


def test_prune_keeps_what_current_names_and_where_a_process_runs(root: Path) -> None:
    names = ("current-one", "working", "program", "reading", "idle")
    for name in names:
        (root / "releases" / name / "app").mkdir(parents=True)
    (root / "current").symlink_to("releases/current-one")
    program = root / "releases/program/app/run"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    told: list[str] = []
    working = root / "releases/working/app"
    with (
        running("sleep", "60", cwd=working),
        running(str(program), "60", cwd=Path("/")),
        (root / "releases/reading/app/data").open("w") as held,
        subprocess.Popen(["sleep", "60"], cwd="/", stdout=held) as reading,
    ):
        held.close()
        for change in files.changes([], [f"{root}/releases/[!.]*"], keeps=told.append):
            change.apply()
        reading.kill()
    left = sorted(path.name for path in (root / "releases").iterdir())
    assert left == ["current-one", "program", "reading", "working"]
    assert len(told) == 4
    assert any("current names it" in line for line in told)
    assert in_use.why(str(root / "releases/working")) == ""
