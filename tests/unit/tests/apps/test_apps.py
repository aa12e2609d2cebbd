"""The apps that scenarios deploy: they import as `celery -A` would, run, and record what they run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from reference.roles import ROOT

APPS = ROOT / "tests/apps"
TARGETS = {"shop": "shop.celery:shop", "library": "library.celery:library"}

# A process of its own for each app: Celery has one current app, and Django one set of settings.
PROGRAM = """
import json, sys
from celery.app.utils import find_app
app = find_app(sys.argv[1])
app.loader.import_default_modules()
app.conf.update(task_always_eager=True, task_eager_propagates=True)
mix = json.load(open("load.json"))
steps = [*mix["tasks"], *mix["chord"]["header"]]
for number, step in enumerate(steps):
    task = app.tasks[step["task"]]
    assert app.amqp.router.route({}, step["task"])["queue"].name == step["queue"], step
    task.apply(step.get("args"), task_id=f"unit-{number}", throw=True)
assert mix["chord"]["body"]["task"] in app.tasks
print(len(steps))
"""


def ledger(directory: Path) -> list[dict[str, Any]]:
    lines = (directory / "ledger" / "unit-prefork.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(("name", "target"), TARGETS.items())
def test_every_task_of_the_mix_runs_where_it_is_sent_and_is_recorded(
    name: str, target: str, tmp_path: Path
) -> None:
    environment = os.environ | {"STATE_DIRECTORY": str(tmp_path), "CELERYOPS_INSTANCE": "unit-prefork"}
    environment["PYTHONPATH"] = str(APPS / name)
    words = [sys.executable, "-c", PROGRAM, target]
    done = subprocess.run(
        words, cwd=APPS / name, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    events = [(line["id"], line["event"]) for line in ledger(tmp_path)]
    count = int(done.stdout)
    assert events == [(f"unit-{number}", event) for number in range(count) for event in ("start", "end")]


def test_both_apps_keep_the_same_ledger() -> None:
    assert (APPS / "shop/shop/ledger.py").read_text() == (APPS / "library/library/ledger.py").read_text()
