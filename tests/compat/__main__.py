# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the agent's integration tests on each Celery, and writes the table of docs/reference/compatibility.md.

    python -m compat             every version, minutes each; writes the table once all have run
    python -m compat 5.5.3       one
    python -m compat 5.5.3 --again tests/x.py   these tests of it, and what they show in the place of before
    python -m compat --short     what a change breaks first, on what `make integration` does not run

The exit status is 0 when all tests passed on what is supported, and the rest was refused in words.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from compat import table
from compat.venvs import CACHE, ROOT, brought, environ_of, python_of

AGENT, UNIT = "tests/integration/agent", "tests/unit/agent"

#: All that concerns the agent and rests on Celery or kombu.
WHOLE = (
    AGENT, f"{UNIT}/test_agent_settings.py", f"{UNIT}/test_agent_schedules.py",
    f"{UNIT}/patches/test_patch_schedules.py", f"{UNIT}/patches/test_patch_redis.py",
    f"{UNIT}/patches/test_patch_kept.py", "tests/unit/roles/celery_app/test_import_app.py",
    f"{UNIT}/test_agent_routing.py", "tests/unit/roles/celery_app/test_import_app_queues.py",
)  # fmt: skip

#: One of each column, about 100 s of one core.
SHORT = (
    f"{UNIT}/test_agent_settings.py",
    f"{UNIT}/test_agent_schedules.py",
    f"{UNIT}/patches/test_patch_schedules.py",
    f"{AGENT}/test_agent_apps.py::test_the_inventory_over_a_django_project",
    f"{AGENT}/test_agent_apps.py::test_a_django_project_works",
    f"{AGENT}/test_agent_apps.py::test_code_that_changes_a_setting_of_the_inventory_afterwards",
    f"{AGENT}/test_agent_worker.py::test_ready_then_drained",
    f"{AGENT}/test_agent_worker.py::test_bounded_stop_requeues_what_is_still_running",
    f"{AGENT}/test_agent_outage.py::test_an_outage_of_three_times_the_watchdog",
    f"{AGENT}/test_agent_outage.py::test_a_restart_of_redis_with_an_unacked_message[with the agent]",
    f"{AGENT}/test_agent_hang.py::test_connected_but_not_consuming",
    f"{AGENT}/test_agent_beat_schedules.py",
)  # fmt: skip


def tested(version: str, tests: Sequence[str]) -> dict[str, Any]:
    """Run tests on a version.

    :returns: ``brought``: versions by package; ``tests``: by name, whether each passed.
    """
    python = python_of(version)
    report = CACHE / f"{version}.xml"
    report.unlink(missing_ok=True)
    print(f"compat: celery {version}", flush=True)
    command: list[str | Path] = [python, "-m", "pytest", f"--junitxml={report}", *tests]
    subprocess.run(command, cwd=ROOT, env=environ_of(python), check=False)
    cases = ElementTree.parse(report).iter("testcase")
    outcomes = {f"{case.get('classname')}::{case.get('name')}": len(case) == 0 for case in cases}
    return {"brought": brought(python), "tests": outcomes}


def refused(version: str) -> dict[str, Any]:
    """Ask the import check about an app on a version that is not supported.

    :returns: ``brought``; ``refused``: its words, empty when it takes the app.
    """
    python = python_of(version)
    code = "from unit.roles.celery_app.test_import_app import run\n"
    code += "from pathlib import Path; import tempfile\n"
    code += "with tempfile.TemporaryDirectory() as place:\n"
    code += "    print(run(Path(place), 'import celery\\napp = celery.Celery()\\n')[1])"
    said = subprocess.run(
        [python, "-c", code], env=environ_of(python), capture_output=True, text=True, check=True
    )
    return {"brought": brought(python), "refused": said.stdout.strip()}


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="compat", description="The agent on each Celery.")
    parser.add_argument(
        "--short", action="store_true", help="few tests, on the versions of make test; no table"
    )
    parser.add_argument(
        "--again", metavar="TEST", action="append", help="only this test or file; the rest is as it was"
    )
    parser.add_argument("versions", nargs="*", help="versions of Celery; all when none is named")
    options = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    versions = options.versions or (table.SHORT if options.short else table.REFUSED + table.SUPPORTED)
    failed = []
    for version in versions:
        if version in table.REFUSED:
            outcome = refused(version)
            good = "the oldest Celery that is supported" in outcome["refused"]
        else:
            outcome = tested(version, options.again or (SHORT if options.short else WHOLE))
            if options.again:
                before = json.loads((CACHE / f"{version}.json").read_text(encoding="utf-8"))["tests"]
                outcome["tests"] = {**before, **outcome["tests"]}
            good = bool(outcome["tests"]) and all(outcome["tests"].values())
        failed += [] if good else [version]
        if not options.short:
            (CACHE / f"{version}.json").write_text(json.dumps(outcome, indent=1), encoding="utf-8")
    if not options.short:
        print(table.write(CACHE))
    print(
        f"compat: not ok: celery {', '.join(failed)}"
        if failed
        else f"compat: celery {', '.join(versions)}: ok"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
