# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Apps of any name, and the settings of the inventory over theirs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from eventually import wait_until

from integration.agent.harness import HERE, Stage

PROBE = """
import json
from celeryops_agent.fleet import app
app.loader.import_default_modules()
app.finalize()
print(json.dumps({
    "main": app.main,
    "tasks": sorted(name for name in app.tasks if not name.startswith("celery.")),
    "acks_late": app.tasks[sorted(app.tasks)[-1]].acks_late,
    "time_limit": app.conf.task_time_limit,
    "track_started": app.conf.task_track_started,
    "transport": app.conf.broker_transport_options,
}))
"""


def run(stage: Stage, target: str) -> subprocess.CompletedProcess[str]:
    """Import the fleet's app in a fresh process."""
    return subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=HERE / "apps",
        env=stage.environ(CELERYOPS_APP=target),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("target", "main", "task"),
    [
        ("parcels:application", "parcels", "parcels.send"),
        ("parcels", "parcels", "parcels.send"),
        ("registry", "registry", "registry.tasks.enter"),
        ("registry.celery:registrar", "registry", "registry.tasks.enter"),
    ],
)
def test_any_target_that_celery_takes(stage: Stage, target: str, main: str, task: str) -> None:
    seen: dict[str, Any] = json.loads(run(stage, target).stdout)
    assert seen["main"] == main
    assert task in seen["tasks"]


def test_the_inventory_over_a_django_project(stage: Stage) -> None:
    stage.settings.update(task_time_limit=300, task_track_started=None)
    seen = json.loads(run(stage, "registry").stdout)
    assert seen["time_limit"] == 300
    assert seen["track_started"] is True
    assert seen["acks_late"] is True
    assert seen["transport"]["visibility_timeout"] == 3600
    assert seen["transport"]["priority_steps"] == [0, 9]


@pytest.mark.parametrize(
    ("target", "message"),
    [("", "CELERYOPS_APP is not set"), ("nowhere.to.be.found", "No module named 'nowhere'")],
)
def test_a_target_that_is_none(stage: Stage, target: str, message: str) -> None:
    failed = run(stage, target)
    assert failed.returncode != 0
    assert message in failed.stderr


def test_a_django_project_works(stage: Stage) -> None:
    worker = stage.worker("prefork", CELERYOPS_APP="registry")
    wait_until("it is ready", worker.is_ready)
    stage.send("prefork", "registry.tasks.enter", "ada")
    wait_until("it works", lambda: worker.says("registry.tasks.enter") and worker.says("succeeded in"))


@pytest.mark.parametrize("command", ["worker", "beat"])
def test_code_that_changes_a_setting_of_the_inventory_afterwards(stage: Stage, command: str) -> None:
    arguments = [command, f"--schedule={stage.directory}/schedule"][: 1 + (command == "beat")]
    stage.settings["worker_prefetch_multiplier"] = 1
    service = stage.celery(*arguments, CELERYOPS_APP="stubborn")
    assert service.ended() == 1
    assert not service.is_ready()
    assert service.says("the app changed worker_prefetch_multiplier after the inventory's were laid over")
    stage.settings["worker_prefetch_multiplier"] = None
    again = stage.celery(*arguments, CELERYOPS_APP="stubborn")
    wait_until("it is ready", again.is_ready)


def test_the_report(stage: Stage) -> None:
    workers = [stage.worker("threads"), stage.worker("prefork")]
    for worker in workers:
        wait_until("it is ready", worker.is_ready)
    stage.send("threads", "parcels.send", "a")
    wait_until("it is done", lambda: stage.marks("done") == ["a"])
    for name in ("b", "c", "d"):
        stage.send("threads", "parcels.send", name, 3600)
    wait_until("two run", lambda: stage.has_marks("started", 3))
    stage.send("idle", "parcels.send", "e")
    command = [sys.executable, "-m", "celeryops_agent.report", "--timeout=20", "--expect=2", "idle", "absent"]

    def report() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=HERE / "apps", env=stage.environ(), capture_output=True, text=True, check=False
        )

    answer = json.loads(report().stdout)
    nodes = answer["nodes"]
    for name, most in {"prefork@test": 0, "threads@test": 2}.items():
        assert nodes[name].pop("most_active") == most
        # Where no child of the pool has ended, only small helpers have.
        assert nodes[name].pop("child_peak_mb") <= nodes[name].pop("ready_mb")
    assert answer == {
        "nodes": {
            "prefork@test": {"active": 0, "processed": 0, "concurrency": 2},
            "threads@test": {"active": 2, "processed": 3, "concurrency": 2},
        },
        "queues": {"absent": 0, "idle": 1, "prefork": 0, "threads": 1},
        "dead_letters": 0,
    }
    stage.redis.stop()
    failed = report()
    assert failed.returncode == 1
    assert "the broker does not answer" in failed.stderr
