"""What a look at a host shows is what managed_files would find there."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils.files import FileError, changes, entry
from ansible_collections.celeryops.systemd.plugins.module_utils.snapshot import LARGEST, shows, take, times
from hypothesis import given
from hypothesis import strategies as st

KEY = "of this run"
NAMES = st.sampled_from(["a", "b", ".c", "d/a", "d/e"])
MODES = st.sampled_from([None, "0600", "0644", "0750"])
WANTED = st.dictionaries(
    NAMES,
    st.one_of(
        st.fixed_dictionaries({"content": st.sampled_from(["", "x"]), "mode": MODES, "once": st.booleans()}),
        st.fixed_dictionaries({"state": st.just("link"), "target": st.sampled_from(["x", "y"])}),
        st.fixed_dictionaries({"state": st.just("directory"), "mode": MODES}),
        st.fixed_dictionaries({"state": st.just("absent")}),
    ),
)
PRUNE = st.sets(st.sampled_from(["*", "d/*"]))


def entries(root: str, wanted: dict[str, dict[str, Any]]) -> list[Any]:
    return [entry({"path": f"{root}/{name}", **raw}) for name, raw in wanted.items()]


def converge(root: str, wanted: dict[str, dict[str, Any]]) -> None:
    for item in entries(root, wanted):
        try:
            for change in changes([item], []):
                change.apply()
        except (FileError, OSError):  # a directory in the way of a file: any tree will do
            continue


@given(before=WANTED, wanted=WANTED, prune=PRUNE)
def test_what_it_shows_as_done_needs_no_change(
    before: dict[str, Any], wanted: dict[str, Any], prune: set[str]
) -> None:
    with tempfile.TemporaryDirectory() as root:
        converge(root, before)
        globs = [f"{root}/{pattern}" for pattern in prune]
        if shows(take([f"{root}/*", f"{root}/d/*"], KEY), entries(root, wanted), globs, KEY):
            assert changes(entries(root, wanted), globs) == []


@given(wanted=WANTED, prune=PRUNE)
def test_what_needs_no_change_is_shown_where_it_was_looked_for(
    wanted: dict[str, Any], prune: set[str]
) -> None:
    with tempfile.TemporaryDirectory() as root:
        converge(root, wanted)
        globs = [f"{root}/{pattern}" for pattern in prune]
        try:
            done = changes(entries(root, wanted), globs) == []
        except (FileError, OSError):  # the tree contradicts itself
            done = False
        if done:
            assert shows(take([f"{root}/*", f"{root}/d/*"], KEY), entries(root, wanted), globs, KEY)


def test_where_nobody_looked_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    kept = [entry({"path": f"{tmp_path}/a", "content": "x"})]
    gone = [entry({"path": f"{tmp_path}/b", "state": "absent"})]
    everywhere, nowhere = take([f"{tmp_path}/*"], KEY), take([], KEY)
    assert shows(everywhere, kept, [], KEY)
    assert shows(everywhere, gone, [], KEY)
    assert not shows(nowhere, kept, [], KEY)
    assert not shows(nowhere, gone, [], KEY)
    assert not shows(everywhere, kept, [f"{tmp_path}/d/*"], KEY)


def test_nobody_without_the_key_of_the_run_can_try_a_guess(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hunter2")
    kept = [entry({"path": f"{tmp_path}/a", "content": "hunter2"})]
    told = [take([f"{tmp_path}/*"], key)["found"][f"{tmp_path}/a"] for key in (KEY, "another", "")]
    assert told[0]["digest"] != told[1]["digest"]
    assert hashlib.sha256(b"hunter2").hexdigest() not in str(told)
    assert "digest" not in told[2]
    for key in ("another", ""):
        assert not shows(take([f"{tmp_path}/*"], KEY), kept, [], key)
    assert not shows(take([f"{tmp_path}/*"], ""), kept, [], "")


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * (LARGEST + 1))
    seen = take([f"{tmp_path}/*"], KEY)
    assert "digest" not in seen["found"][f"{tmp_path}/a"]
    assert not shows(seen, [entry({"path": f"{tmp_path}/a", "content": "x" * (LARGEST + 1)})], [], KEY)


def test_the_time_of_an_input_is_known_where_it_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    seen = take([f"{tmp_path}/*"], KEY)
    here = {f"{tmp_path}/a": (tmp_path / "a").stat().st_mtime}
    assert times(seen, [f"{tmp_path}/a", f"{tmp_path}/b"]) == here
    assert times(seen, ["/elsewhere"]) is None
