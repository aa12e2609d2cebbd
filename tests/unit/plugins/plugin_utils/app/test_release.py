# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which releases stay, and why one could not be made."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import yaml
from ansible_collections.celeryops.systemd.plugins.filter.app import app_failure, release_choice
from ansible_collections.celeryops.systemd.plugins.filter.app import package_files as face
from ansible_collections.celeryops.systemd.plugins.module_utils import layout
from ansible_collections.celeryops.systemd.plugins.module_utils.files import changes, entry
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import release
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.release import (
    fingerprint,
    kept_releases,
    release_files,
    stage_failure,
)
from hypothesis import given
from hypothesis import strategies as st
from reference.roles import ROOT


def test_a_fingerprint_tells_what_is_the_same_and_nothing_else() -> None:
    asked = '{"environment": {"TOKEN": "hunter2"}}'
    first = fingerprint(asked)
    assert fingerprint(asked, first) == first
    assert fingerprint(f"{asked} ", first) != first
    # Twice the same is not the same text, so none can be made beforehand.
    assert fingerprint(asked) != first
    unsalted = hashlib.sha256(asked.encode()).hexdigest()
    assert unsalted not in fingerprint(asked, unsalted)


IDS = st.text("abcdef", min_size=1, max_size=2)

PIP = """stdout: Collecting nosuch==9

:stderr: ERROR: Could not find a version that satisfies the requirement nosuch==9 (from versions: none)
ERROR: No matching distribution found for nosuch==9

[notice] A new release of pip is available
"""


@given(st.lists(IDS, unique=True), IDS, IDS | st.just(""), st.integers(-1, 9))
def test_what_runs_and_what_is_to_run_stay_and_the_newest_fill_up(
    releases: list[str], wanted: str, current: str, keep: int
) -> None:
    kept = kept_releases(releases, wanted, current, keep)
    assert wanted in kept
    assert current in kept or not current
    assert len(kept) == len(set(kept))
    assert len(kept) <= max(keep, 2)
    dropped = [name for name in releases if name not in kept]
    others = [name for name in kept if name not in (wanted, current)]
    assert [name for name in releases if name in others or name in dropped] == others + dropped


def test_the_link_is_switched_after_the_releases_are_there() -> None:
    entries = release_files(["b", "a"], "c", "b", 2)
    assert [item["path"] for item in entries] == [
        "/opt/celery/releases/c",
        "/opt/celery/releases/b",
        "/opt/celery/releases/c/.deployed",
        "/opt/celery/current",
    ]
    assert entries[-1]["target"] == "releases/c"


def test_what_the_releases_share_stays_once_each_and_nothing_else_does() -> None:
    facts = {
        "releases": ["b", "a", "z"], "release": "b", "virtualenvs": {"b": "v1", "a": "v1", "z": "v0"},
    }  # fmt: skip
    wanted = release_choice(facts, "c", keep=3, staged="/opt/celery/venvs/v2")["files"]
    assert [item["path"] for item in wanted if "venvs" in item["path"]] == [
        "/opt/celery/venvs/v2",
        "/opt/celery/venvs/v1",
    ]
    own = release_choice(facts, "c", keep=3, staged="/opt/celery/releases/.building-c-x/venv")["files"]
    assert [item["path"] for item in own if "venv" in item["path"]] == ["/opt/celery/venvs/v1"]


def test_a_package_is_files_that_managed_files_takes(tmp_path: Path) -> None:
    (tmp_path / "agent/sub").mkdir(parents=True)
    for name in ("agent/__init__.py", "agent/sub/x.py", "agent/notes.txt"):
        (tmp_path / name).write_text("x = 1\n")
    files = face(str(tmp_path / "agent"), "/opt/agent")
    assert [item["path"] for item in files] == ["/opt/agent/__init__.py", "/opt/agent/sub/x.py"]
    assert len(changes([entry(item) for item in files], [])) == len(files)


def test_a_package_without_modules_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no Python file"):
        face(str(tmp_path), "/opt/agent")


def test_of_what_pip_says_only_the_errors_are_told() -> None:
    said = stage_failure(PIP, "w1", "directory /src/shop", "")
    assert said.startswith("w1: celery_app_source = directory /src/shop: ")
    assert "No matching distribution found for nosuch==9; " in said
    assert "celery_app_wheelhouse" in said
    assert "notice" not in said


def test_with_a_wheelhouse_the_fix_is_the_wheel() -> None:
    assert "add the wheel to celery_app_wheelhouse = /wheels" in stage_failure(PIP, "w1", "x", "/wheels")


def test_a_message_that_is_complete_is_told_as_it_is() -> None:
    assert (
        stage_failure("w1: celery_app_target = x: no; do", "w1", "x", "")
        == "w1: celery_app_target = x: no; do"
    )


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "Failed to copy: gzip: stdin: unexpected end of file; tar: x: Cannot write: No space left on device",
    ],
)
def test_a_full_disk_is_named_with_the_place(said: str) -> None:
    told = stage_failure(said, "w1", "directory /src", "")
    assert told == (
        "w1: celery_app_source = directory /src: the release could not be made: No space left on device; "
        "free room for /opt/celery/releases and the temporary directory (df -h /opt/celery /var/tmp on "
        "the host), or keep fewer releases with celery_app_keep_releases, and play again"
    )


def test_a_build_that_meets_its_fences_is_told_with_the_way_out() -> None:
    said = (
        "error: subprocess-exited-with-error\nPermissionError: [Errno 13] Permission denied: '/root/x'\n"
        "ERROR: Could not build wheels for odd, which is required to install pyproject.toml-based projects"
    )
    told = stage_failure(said, "w1", "directory /src", "")
    assert "PermissionError: [Errno 13] Permission denied: '/root/x'; Could not build wheels for odd" in told
    assert "celery-build in a sandbox" in told
    assert "celery_app_wheelhouse" in told


def test_a_deploy_tells_what_site_would_write_and_it_does_not() -> None:
    compared = {"changed_paths": ["/etc/conf.d/celery/app.env", "/etc/conf.d/celery/settings.json"]}
    environment, settings = app_failure(compared, "w1").splitlines()
    assert environment == (
        "w1: celery_app_target or celery_app_environment = (hidden): /etc/conf.d/celery/app.env is not what "
        "the inventory asks for, and a deploy does not write it: the release would be tested with the one "
        "and run with the other; play site, which changes both"
    )
    assert settings.startswith("w1: celery_app_settings or a limit = (hidden): /etc/conf.d/celery/settings")


def test_each_file_that_a_deploy_leaves_has_its_variables() -> None:
    """The files that the role writes beside a release are those that have a name here."""
    written = yaml.safe_load((ROOT / "roles/celery_app/vars/main.yml").read_text())["__celery_app_configured"]
    paths = [entry["path"].replace("{{ __celery_app_settings_file }}", layout.SETTINGS) for entry in written]
    assert sorted(paths) == sorted(release.VARIABLES_OF)
