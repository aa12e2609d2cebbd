# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What plays ask the app in processes of their own: set up as in a worker, heard though the app prints."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from eventually import wait_until

from integration.agent.harness import HERE, Stage

APP = {"CELERYOPS_APP": "chatty:application"}


def ask(stage: Stage, program: str, *words: str) -> Any:
    environ = {**stage.environ(**APP), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", f"celeryops_agent.{program}", *words]
    done = subprocess.run(
        command, cwd=HERE / "apps", env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def chatty(stage: Stage) -> Stage:
    stage.settings["result_backend"] = f"chatty_backend:Backend+{stage.redis.url}"
    worker = stage.worker("threads", **APP)
    wait_until("it is ready", worker.is_ready)
    return stage


def test_an_app_that_prints_is_understood(chatty: Stage) -> None:
    assert list(ask(chatty, "report")["nodes"]) == ["threads@test"]


@pytest.mark.parametrize("nodes", [[], ["threads@test"]], ids=["rehearsal", "on a worker"])
def test_a_smoke_task_with_a_backend_that_needs_the_apps_set_up(chatty: Stage, nodes: list[str]) -> None:
    found = ask(chatty, "smoke", "--task=chatty_tasks.speak", '--args=["hello"]', *nodes)
    assert found == dict.fromkeys(nodes or ["rehearsal"], "")
