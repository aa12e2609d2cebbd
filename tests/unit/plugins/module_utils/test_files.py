# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What managed_files finds to change, and that applying it leaves nothing to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils.files import FileError, changes, entry
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def converge(*raw: dict[str, Any], prune: tuple[str, ...] = ()) -> list[str]:
    """Apply what differs and return the changed paths, once nothing differs any more."""
    found = changes([entry(item) for item in raw], prune)
    for change in found:
        change.apply()
    assert changes([entry(item) for item in raw], prune) == []
    return [change.path for change in found]


def mode(path: Path) -> str:
    """Return the permission bits as an operator writes them."""
    return f"{path.stat().st_mode & 0o7777:04o}"


def test_a_tree_is_made_and_then_left_alone(tmp_path: Path) -> None:
    tree = (
        {"path": f"{tmp_path}/etc", "state": "directory", "mode": "0750"},
        {"path": f"{tmp_path}/etc/a.env", "content": "A=1\n", "mode": "0640"},
        {"path": f"{tmp_path}/opt/current", "state": "link", "target": "releases/1"},
    )
    assert len(converge(*tree)) == len(tree)
    assert mode(tmp_path / "etc") == "0750"
    assert mode(tmp_path / "etc/a.env") == "0640"
    assert (tmp_path / "opt/current").readlink() == Path("releases/1")
    assert converge(*tree) == []


def test_looking_changes_nothing(tmp_path: Path) -> None:
    changes([entry({"path": f"{tmp_path}/a", "content": "x"})], [])
    assert list(tmp_path.iterdir()) == []


def test_a_changed_mode_is_a_change_that_keeps_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "a").chmod(0o644)
    wanted = entry({"path": f"{tmp_path}/a", "content": "x", "mode": "0600"})
    [change] = changes([wanted], [])
    assert "mode: 0644" in change.diff[0]["before"]
    assert "mode: 0600" in change.diff[0]["after"]
    change.apply()
    assert (tmp_path / "a").read_text() == "x"
    assert changes([wanted], []) == []


def test_a_file_without_a_wanted_mode_keeps_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "a").chmod(0o600)
    converge({"path": f"{tmp_path}/a", "content": "y"})
    assert mode(tmp_path / "a") == "0600"


def test_prune_removes_what_is_not_listed_and_spares_what_holds_a_listed_file(tmp_path: Path) -> None:
    for name in ("old.d/x.conf", "kept.d/x.conf", "kept.d/y.conf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / "link.d").symlink_to("kept.d")
    changed = converge(
        {"path": f"{tmp_path}/kept.d/x.conf", "content": "x"},
        prune=(f"{tmp_path}/*.d", f"{tmp_path}/*.d/*.conf"),
    )
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["kept.d", "x.conf"]
    assert f"{tmp_path}/link.d" in changed


def test_absent_removes_a_directory_with_what_it_holds_and_shows_a_files_content(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/x").write_text("gone\n")
    [change] = changes([entry({"path": f"{tmp_path}/d/x", "state": "absent"})], [])
    assert change.diff[0]["before"] == "gone\n"
    assert converge({"path": f"{tmp_path}/d", "state": "absent"}) == [f"{tmp_path}/d"]
    assert list(tmp_path.iterdir()) == []


def test_once_writes_only_where_nothing_is(tmp_path: Path) -> None:
    assert converge({"path": f"{tmp_path}/a", "content": "first", "once": True})
    assert not converge({"path": f"{tmp_path}/a", "content": "second", "once": True})
    assert (tmp_path / "a").read_text() == "first"


def test_a_content_that_is_not_to_be_shown_is_told_by_its_checksum(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("before")
    [change] = changes([entry({"path": f"{tmp_path}/a", "content": "after", "diff": False})], [])
    [diff] = change.diff
    assert diff["before"] != diff["after"]
    assert not {"before", "after"} & set(f"{diff['before']} {diff['after']}".split())


def test_a_file_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("keep")
    (tmp_path / "a").symlink_to("real")
    converge({"path": f"{tmp_path}/a", "content": "new"})
    assert (tmp_path / "real").read_text() == "keep"
    assert not (tmp_path / "a").is_symlink()


def test_a_directory_moved_behind_a_link_stays_there(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "log").symlink_to("disk")
    converge({"path": f"{tmp_path}/log", "state": "directory", "mode": "0700"})
    assert (tmp_path / "log").is_symlink()
    assert mode(tmp_path / "disk") == "0700"


def test_an_owner_that_does_not_exist_yet_is_a_prediction_and_an_error_when_applied(tmp_path: Path) -> None:
    [change] = changes([entry({"path": f"{tmp_path}/a", "content": "x", "owner": "nobody-yet"})], [])
    assert "owner: nobody-yet" in change.diff[0]["after_header"]
    with pytest.raises(FileError, match="nobody-yet"):
        change.apply()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"path": "etc/a", "content": ""}, "absolute"),
        ({"path": "/etc", "state": "absent"}, "top directory"),
        ({"path": "//", "state": "absent"}, "absolute"),
        ({"path": "/etc/a"}, "content"),
        ({"path": "/etc/a", "state": "link"}, "target"),
        ({"path": "/etc/a", "state": "directory", "content": "x"}, "content"),
        ({"path": "/etc/a", "content": "", "mode": "u=rw"}, "octal"),
    ],
)
def test_a_contradicting_item_is_refused_by_its_name(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(FileError, match=message):
        entry(raw)


def test_a_path_listed_twice_is_refused(tmp_path: Path) -> None:
    twice = entry({"path": f"{tmp_path}/a", "content": ""})
    with pytest.raises(FileError, match="twice"):
        changes([twice, twice], [])


def test_a_directory_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(FileError, match="is a directory"):
        changes([entry({"path": f"{tmp_path}/a", "content": ""})], [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(content=st.text(), bits=st.integers(0o400, 0o777).map(lambda number: f"{number | 0o400:04o}"))
def test_any_content_and_mode_converges(tmp_path: Path, content: str, bits: str) -> None:
    converge({"path": f"{tmp_path}/a", "content": content, "mode": bits})
    assert (tmp_path / "a").read_bytes() == content.encode()


@pytest.mark.parametrize("wanted", [{"content": "new"}, {"state": "absent"}], ids=["changed", "removed"])
def test_the_diff_tells_of_a_secret_only_that_it_changes(tmp_path: Path, wanted: dict[str, Any]) -> None:
    """No content, and no hash by which a guess could be tried."""
    place = tmp_path / "secret"
    place.write_text("hush")
    [change] = changes([entry({"path": str(place), "diff": False, **wanted})], [])
    [diff] = change.diff
    assert diff["before"] == "(not shown)\n"
    assert diff["after"] == ("(not shown, changed)\n" if "content" in wanted else "")
    [made] = changes([entry({"path": f"{place}-new", "diff": False, "content": "hush"})], [])
    assert (made.diff[0]["before"], made.diff[0]["after"]) == ("", "(not shown)\n")
