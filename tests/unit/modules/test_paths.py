# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Root where a service may write: no link of the service's leads it elsewhere.

The attacker is the user nobody, so these tests want root, as CI and the lab have it.
"""

from __future__ import annotations

import os
import pwd
import threading
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import files, paths, snapshot

NOBODY = pwd.getpwnam("nobody")
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
    found = snapshot.take([f"{theirs}/*", f"{theirs}/celery/*"])["found"]
    assert found[f"{theirs}/celery"]["kind"] == "link"
    assert f"{theirs}/celery/shadow" not in found


def test_a_secret_that_is_not_roots_is_not_read(theirs: Path) -> None:
    (theirs / "secret").write_text("planted")
    os.chown(theirs / "secret", NOBODY.pw_uid, NOBODY.pw_gid)
    with pytest.raises(PermissionError, match="is not root's"):
        paths.read_of_root(f"{theirs}/secret")
    (theirs / "pipe").mkdir()
    with pytest.raises(OSError, match="not a regular file"):
        paths.read(f"{theirs}/pipe")


def test_a_swap_during_the_work_leads_nowhere(theirs: Path, victim: Path) -> None:
    """The service swaps a directory for a link, over and over, while root manages what is below."""
    before = state(victim)
    (theirs / "real").mkdir()
    done = threading.Event()

    def swap() -> None:
        for number in count():
            if done.is_set():
                return
            with suppress(OSError):
                (theirs / "celery").rename(theirs / f"old-{number}")
            with suppress(OSError):  # root was faster
                (theirs / "celery").symlink_to(victim if number % 2 else theirs / "real")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _round in range(300):
            for name, wanted in (("celery", WANTED["directory"]), ("celery/shadow", WANTED["file"])):
                with suppress(files.FileError, OSError):
                    apply(theirs / name, wanted)
    finally:
        done.set()
        thread.join()
    assert state(victim) == before
