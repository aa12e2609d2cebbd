# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The snapshot tells of all that the roles write and that units read, so nothing is asked twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import layout
from hostile.inventory import SITES
from hostile.site import Site

# A file of each release, which is not looked at again once it is complete; runtime directories are systemd's.
UNSEEN = ("/opt/celery/releases/r1/", "/opt/celery/releases/.r1")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    opened = Site()
    yield opened
    opened.end()


def watched(path: str) -> bool:
    return any(
        len(PurePosixPath(path).parts) == len(PurePosixPath(glob).parts) and PurePosixPath(path).match(glob)
        for glob in layout.WATCHED_FILES
    )


def written(task: dict[str, Any]) -> list[str]:
    """Return the paths that a task writes, but of what it removes."""
    files = task["arguments"].get("files") or [] if task["module"] == "managed_files" else []
    return [file["path"] for file in files if file.get("state") != "absent"]


@pytest.mark.parametrize("of", sorted(SITES))
def test_what_the_roles_write_is_watched(site: Site, of: str) -> None:
    answer = site.ask(site=of, roles=[], tasks=[])
    assert answer["problems"] == []
    paths = {path for task in answer["tasks"].values() for path in written(task)}
    assert layout.SETTINGS in paths
    assert sorted(path for path in paths if not watched(path) and not path.startswith(UNSEEN)) == []


@pytest.mark.parametrize("unit", [*layout.INPUTS, layout.unit_of("mail-prefork")])
def test_what_a_unit_reads_is_watched(unit: str) -> None:
    assert [path for path in layout.inputs_of(unit) if not watched(path)] == []
