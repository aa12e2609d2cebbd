# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Root where a service may write: no link of the service's leads it elsewhere.

The attacker is the user nobody, so these tests want root, as CI and the lab have it.
"""

from __future__ import annotations

import os
import pwd
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import files, paths, snapshot

NOBODY = pwd.getpwnam("nobody")
ROUNDS = 300
WANTED = {
    "directory": {"state": "directory", "mode": "0750", "owner": "nobody", "group": "root"},
    "file": {"content": "ours\n", "mode": "0640", "owner": "nobody", "group": "root"},
    "link": {"state": "link", "target": "releases/1"},
    "absent": {"state": "absent"},
}


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A directory of the service's."""
    directory = tmp_path / "theirs"
    directory.mkdir()
    os.chown(directory, NOBODY.pw_uid, NOBODY.pw_gid)
    return directory


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A directory of root's with a secret in it."""
    directory = tmp_path / "victim"
    directory.mkdir(0o700)
    (directory / "shadow").write_text("secret\n")
    (directory / "shadow").chmod(0o600)
    return directory


def state(path: Path) -> tuple[Any, ...]:
    return tuple(
        (str(each), each.lstat().st_mode, each.lstat().st_uid, each.lstat().st_gid,
         each.read_bytes() if each.is_file() else b"")
        for each in [path, *sorted(path.rglob("*"))]
    )  # fmt: skip


def apply(path: Path, wanted: dict[str, Any]) -> None:
    for change in files.changes([files.entry({"path": str(path), **wanted})], []):
        change.apply()


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED.keys())
def test_a_link_of_the_services_leads_nowhere(theirs: Path, victim: Path, wanted: dict[str, Any]) -> None:
    """The link itself, and a directory above: what it names stays as it is, whatever becomes of the link."""
    before = state(victim)
    for path, target in ((theirs / "celery", victim), (theirs / "file", victim / "shadow")):
        path.symlink_to(target)
        os.lchown(path, NOBODY.pw_uid, NOBODY.pw_gid)
        with suppress(files.FileError, OSError):
            apply(path, wanted)
        assert state(victim) == before
    (theirs / "below").symlink_to(victim)
    with pytest.raises(paths.LinkError, match="below is a link, and others than root could have placed it"):
        apply(theirs / "below" / "shadow", wanted)
    assert state(victim) == before


def test_check_mode_refuses_what_the_run_would(theirs: Path, victim: Path) -> None:
    (theirs / "celery").symlink_to(victim)
    with pytest.raises(paths.LinkError):
        files.changes([files.entry({"path": f"{theirs}/celery", **WANTED["directory"]})], [])


def test_the_diff_does_not_show_what_a_link_names(theirs: Path, victim: Path) -> None:
    (theirs / "file").symlink_to(victim / "shadow")
    [change] = files.changes([files.entry({"path": f"{theirs}/file", **WANTED["file"]})], [])
    assert "secret" not in str(change.diff)


def test_a_link_of_roots_where_only_root_may_write_is_followed(tmp_path: Path) -> None:
    """An operator has moved a directory to another disk."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "opt").symlink_to(tmp_path / "disk")
    apply(tmp_path / "opt/celery", {"state": "directory", "mode": "0711"})
    apply(tmp_path / "opt/celery/a", {"content": "x"})
    assert (tmp_path / "disk/celery/a").read_text() == "x"
    assert (tmp_path / "disk/celery").stat().st_mode & 0o777 == 0o711
    (tmp_path / "moved").symlink_to(tmp_path / "disk")
    apply(tmp_path / "moved", {"state": "directory", "mode": "0750"})
    assert (tmp_path / "moved").is_symlink()
    assert (tmp_path / "disk").stat().st_mode & 0o777 == 0o750


def test_a_tree_of_the_services_is_removed_without_what_its_links_name(theirs: Path, victim: Path) -> None:
    before = state(victim)
    (theirs / "tree/deep").mkdir(parents=True)
    (theirs / "tree/deep/link").symlink_to(victim)
    (theirs / "tree/link").symlink_to(victim / "shadow")
    apply(theirs / "tree", {"state": "absent"})
    assert list(theirs.iterdir()) == []
    assert state(victim) == before


def test_prune_leaves_what_a_link_names(theirs: Path, victim: Path) -> None:
    before = state(victim)
    (theirs / "old").symlink_to(victim)
    for change in files.changes([], [f"{theirs}/*"]):
        change.apply()
    assert list(theirs.iterdir()) == []
    assert state(victim) == before


def test_the_look_at_a_host_reads_through_no_link_of_the_services(theirs: Path, victim: Path) -> None:
    (theirs / "celery").symlink_to(victim)
    found = snapshot.take([f"{theirs}/*", f"{theirs}/celery/*"], "key")["found"]
    assert found[f"{theirs}/celery"]["kind"] == "link"
    assert found[f"{theirs}/celery/shadow"] == {"kind": "unknown"}


def test_the_look_does_not_hide_a_link(theirs: Path, victim: Path) -> None:
    """What it cannot tell is neither absent nor of a known age: the host is asked, which refuses."""
    (theirs / "celery").symlink_to(victim)
    inside = f"{theirs}/celery/shadow"
    taken = snapshot.take([f"{theirs}/celery/*"], "key")
    gone = files.entry({"path": inside, "state": "absent"})
    assert not snapshot.shows(taken, [gone], [], "key")
    assert not snapshot.shows(taken, [], [f"{theirs}/celery/*"], "key")
    assert snapshot.times(taken, [inside]) is None
    with pytest.raises(paths.LinkError):
        files.changes([gone], [])


def test_a_hard_link_of_the_services_is_replaced_and_never_read(theirs: Path, victim: Path) -> None:
    before = state(victim)[1][:-1]
    for wanted in (WANTED["file"], {"content": "ours\n"}, WANTED["absent"]):
        (theirs / "file").unlink(missing_ok=True)
        (theirs / "file").hardlink_to(victim / "shadow")
        with pytest.raises(paths.LinkError, match="file is a hard link, and others than root"):
            paths.read(f"{theirs}/file")
        assert "digest" not in snapshot.take([f"{theirs}/*"], "key")["found"][f"{theirs}/file"]
        [change] = files.changes([files.entry({"path": f"{theirs}/file", **wanted})], [])
        assert "secret" not in str(change.diff)
        change.apply()
        assert state(victim)[1][:-1] == before
        assert (victim / "shadow").read_text() == "secret\n"
        assert (victim / "shadow").stat().st_nlink == 1


def test_a_hard_link_where_only_root_may_write_is_a_file(tmp_path: Path) -> None:
    """As a backup by `cp --link` leaves it."""
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    assert files.changes([files.entry({"path": f"{tmp_path}/a", "content": "x"})], []) == []


def test_a_secret_that_is_not_roots_is_not_read(theirs: Path) -> None:
    (theirs / "secret").write_text("planted")
    (theirs / "secret").chmod(0o620)
    with pytest.raises(paths.NotRootsError, match="is not root's alone"):
        paths.read_of_root(f"{theirs}/secret")
    os.chown(theirs / "secret", NOBODY.pw_uid, NOBODY.pw_gid)
    (theirs / "secret").chmod(0o600)
    with pytest.raises(paths.NotRootsError, match="is not root's alone"):
        paths.read_of_root(f"{theirs}/secret")
    (theirs / "pipe").mkdir()
    with pytest.raises(OSError, match="not a regular file"):
        paths.read(f"{theirs}/pipe")


@contextmanager
def nobody(directory: Path, attack: Callable[[], None]) -> Iterator[None]:
    """Let the user nobody do it in the directory, over and over, until root is done."""
    child = os.fork()
    if not child:
        try:
            os.chdir(directory)
            os.setgroups([])
            os.setresgid(NOBODY.pw_gid, NOBODY.pw_gid, NOBODY.pw_gid)
            os.setresuid(NOBODY.pw_uid, NOBODY.pw_uid, NOBODY.pw_uid)
            while True:
                with suppress(OSError):
                    attack()
        finally:
            os._exit(1)
    try:
        yield
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "the attack ended before root did"
    finally:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_a_swap_during_the_work_leads_nowhere(theirs: Path, victim: Path) -> None:
    """The service swaps a directory for a link, over and over, while root manages what is below."""
    before = state(victim)
    outcomes: set[type | None] = set()

    def attack() -> None:
        with suppress(OSError):
            Path("celery").rename(f"old-{os.urandom(8).hex()}")
        Path("celery").symlink_to(victim)
        Path("celery").unlink()

    with nobody(theirs, attack):
        for number in count():
            for name, wanted in (("celery", WANTED["directory"]), ("celery/shadow", WANTED["file"])):
                try:
                    apply(theirs / name, wanted)
                    outcomes.add(None)
                except (files.FileError, OSError) as error:
                    outcomes.add(type(error))
            if number >= ROUNDS and {None, paths.LinkError} <= outcomes:
                break
    assert state(victim) == before


def test_a_secret_that_is_swapped_while_it_is_read_is_not_taken(theirs: Path) -> None:
    """The file that was looked at is the one that is read."""
    (theirs / "roots").write_text("roots")
    outcomes: set[object] = set()

    def attack() -> None:
        Path("planted").write_text("planted")
        for old, new in (("roots", "secret"), ("secret", "roots"), ("planted", "secret")):
            Path(old).rename(new)

    with nobody(theirs, attack):
        for number in count():
            try:
                outcomes.add(paths.read_of_root(f"{theirs}/secret"))
            except OSError as error:
                outcomes.add(type(error))
            if number >= ROUNDS and {b"roots", paths.NotRootsError} <= outcomes:
                break
    assert b"planted" not in outcomes
