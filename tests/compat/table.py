# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the runs showed, as the table of docs/reference/compatibility.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "compatibility.md"
BEGIN, END = "<!-- written by make compat: begin -->", "<!-- end -->"

SUPPORTED = ("5.5.3", "5.6.3", "5.7.0")
#: Older ones: the import check must refuse them.
REFUSED = ("5.3.6", "5.4.0")
#: What `make test` runs beside 5.7.0, which `make integration` has.
SHORT = ("5.5.3", "5.6.3")

POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")

#: The columns, and what in a test's name puts it there; the first that fits. The rest is for no column.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "beat": ("test_agent_beat", "test_agent_lease", "test_agent_schedules", "test_patch_schedules"),
    "settings hold": ("test_agent_settings", "test_agent_apps", "test_import_app"),
    "restart of Redis": (
        "a_restart_of_redis",
        "while_another_connection_breaks",
        "taken_while_the_connection",
        "test_patch_redis",
        "test_patch_kept",
    ),
    "outage": ("test_agent_outage",),
    "hang": ("test_agent_hang",),
    "drain": ("test_agent_worker", "test_agent_scale"),
}
ORDER = ("settings hold", "drain", "outage", "hang", "restart of Redis", "beat")


def column_of(test: str) -> str:
    """The column that a test counts for; empty for none."""
    return next((name for name, words in COLUMNS.items() if any(word in test for word in words)), "")


def cell(tests: Mapping[str, bool], column: str, pool: str) -> str:
    """What stands in a cell: how many of its tests passed. A test for another pool alone does not count.

    A test that runs a worker of every pool counts for each.
    """
    others = [f"[{other}" for other in POOLS if other != pool]
    counted = [
        passed
        for name, passed in tests.items()
        if column_of(name) == column and not any(other in name for other in others)
    ]
    if not counted:
        return "not run"
    return f"{sum(counted)} of {len(counted)}"


def rows(version: str, outcome: Mapping[str, Any]) -> Iterable[str]:
    """The rows of a version."""
    brought = ", ".join(f"{name} {number}" for name, number in outcome["brought"].items())
    if "refused" in outcome:
        rest = " |" * (len(ORDER) - 1)
        yield f"| {version} | {brought} | any | refused by preflight and the import check |{rest}"
        return
    for pool in POOLS:
        cells = " | ".join(cell(outcome["tests"], column, pool) for column in ORDER)
        yield f"| {version} | {brought} | {pool} | {cells} |"


def write(directory: Path) -> str:
    """Write the table into the page when every version has run.

    :param directory: where each version's outcome is, ``<version>.json``.
    :returns: the table, or which versions are still to run.
    """
    outcomes = {version: directory / f"{version}.json" for version in REFUSED + SUPPORTED}
    missing = [version for version, file in outcomes.items() if not file.exists()]
    if missing:
        return f"compat: no table yet: celery {', '.join(missing)} has not run"
    head = ["Celery", "with", "pool", *ORDER]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for version, file in outcomes.items():
        lines += rows(version, json.loads(file.read_text(encoding="utf-8")))
    text = PAGE.read_text(encoding="utf-8")
    before, _begin, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    table = "\n".join(lines)
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", encoding="utf-8")
    return table
