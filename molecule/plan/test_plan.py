"""plan.yml says what site.yml then does, also without a host; measure.yml says what fits. In this order."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from integration.predict import run

INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SSH_CONFIG = PROJECT / ".cache/lab" / os.environ["MOLECULE_SCENARIO_NAME"] / "ssh_config"
QUEUES: dict[str, Any] = {
    "mail": {"workload": "io", "max_concurrency": 20},
    "reports": {"workload": "mixed", "concurrency": 1, "max_tasks_per_child": 20},
}
MORE_MAIL = {**QUEUES, "mail": {"workload": "io", "max_concurrency": 24}}
# What a report holds, in MB, and how many are made: enough for every child to be replaced.
HELD, REPORTS, MAILS = 40, 40, 100


def extra(**variables: Any) -> list[str]:
    return ["-e", json.dumps({name: str(v) if isinstance(v, Path) else v for name, v in variables.items()})]


def play(name: str, *arguments: str, inventory: Path = INVENTORY) -> str:
    command = ["ansible-playbook", f"celeryops.systemd.{name}", "-i", str(inventory), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(re.findall(r"changed=(\d+)", done.stdout)) == {"0"}, done.stdout
    return done.stdout


def widest(said: str) -> int:
    """The longest line of what the play's tables printed."""
    tables = said.partition("\nPLAY RECAP")[0]
    return max(len(line) for line in tables.splitlines())


def actions(plan: Path) -> dict[str, str]:
    """What the plan says would happen, by instance or shared file."""
    changes = json.loads(plan.read_text())["hosts"]["machine"]["changes"]
    return {change["name"]: change["action"] for change in changes}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plan")


@pytest.fixture(scope="module")
def nowhere(scratch: Path) -> Path:
    """The scenario's inventory, with nobody behind its names: whoever connects fails."""
    inventory = scratch / "nowhere"
    inventory.mkdir()
    variables = {"ansible_host": "host.invalid", "ansible_connection": "ssh", "ansible_ssh_common_args": ""}
    for source in INVENTORY.iterdir():
        (inventory / source.name).symlink_to(source)
    (inventory / "zz_nowhere.yml").write_text(yaml.safe_dump({"celery": {"hosts": {"machine": variables}}}))
    return inventory


def test_on_a_converged_host_nothing_would_change(scratch: Path) -> None:
    said = play(
        "plan", "--check", *extra(plan_file=scratch / "live.json", plan_save_facts=scratch / "facts.json")
    )
    assert "site.yml would change nothing" in said
    assert actions(scratch / "live.json") == {}
    assert widest(said) <= 100


def test_saved_facts_give_the_same_plan_without_a_connection(scratch: Path, nowhere: Path) -> None:
    reached = ["ansible", "machine", "-i", str(nowhere), "-m", "ansible.builtin.ping"]
    assert subprocess.run(reached, capture_output=True, check=False).returncode != 0
    play(
        "plan", *extra(plan_facts=scratch / "facts.json", plan_file=scratch / "saved.json"), inventory=nowhere
    )
    assert (scratch / "saved.json").read_bytes() == (scratch / "live.json").read_bytes()


def test_a_raised_number_changes_what_the_plan_said(scratch: Path, nowhere: Path) -> None:
    raised = extra(celery_worker_queues=MORE_MAIL)
    foreseen = extra(plan_facts=scratch / "facts.json", plan_file=scratch / "raised.json", plan_why=True)
    said = play("plan", *raised, *foreseen, inventory=nowhere)
    assert re.search(r"mail-threads +restart +concurrency +20 +24\n", said)
    assert "concurrency 24: one process feeds one core, " in " ".join(said.split())
    foretold = actions(scratch / "raised.json")
    assert foretold == {"mail-threads": "restart", "celery.slice": "write"}
    records = run(["celeryops.systemd.site", "-i", str(INVENTORY), *raised], scratch / "site")
    changed = [record for record in records if record["outcome"] == "changed"]
    restarted = [unit for record in changed for unit in record["restarted"]]
    assert restarted == ["celery-worker@mail-threads.service"]
    written = {Path(path).name for record in changed for path in record["changed_paths"]}
    assert written == {"worker-mail-threads.env", "50-limits.conf", "celery.slice"}
    play("plan", *raised, *extra(plan_file=scratch / "after.json"))
    assert actions(scratch / "after.json") == {}


def test_what_was_measured_fits(scratch: Path) -> None:
    raised = extra(celery_worker_queues=MORE_MAIL)
    early = play("measure", *raised)
    assert "reports: not judged yet: 0 of 300 tasks" in early
    tasks = [
        *[{"queue": "reports", "task": "shop.reports.sales", "args": [HELD]}] * REPORTS,
        *[{"queue": "mail", "task": "shop.mail.send", "args": ["buyer@example.org", 0.01]}] * MAILS,
    ]
    mix = scratch / "mix.json"
    mix.write_text(json.dumps({"tasks": tasks, "chord": {"header": [], "body": tasks[0]}}))
    load = [sys.executable, "-m", "load", f"--ssh-config={SSH_CONFIG}", f"--mix={mix}", "--sender=machine"]
    load += ["--workers=machine", f"--count={len(tasks)}", "--chords=0"]
    done = subprocess.run(load, cwd=PROJECT / "tests", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

    limits = extra(measure_min_tasks=REPORTS, measure_min_uptime=1)
    said = play("measure", "--check", *raised, *limits)
    assert widest(said) <= 100
    queues = yaml.safe_load(said.partition("\ncelery_worker_queues:\n")[2].partition("\n\n")[0])
    assert {name: {**spec, **MORE_MAIL[name]} for name, spec in queues.items()} == queues
    # Each child left after its 20 tasks, so the one there is now has run none: its parent remembers. A row of
    # 1024 bytes takes 1057.
    row = rf"^reports +prefork +1 +{REPORTS} +\S+ +(?P<parent>\d+) +(?P<child>\d+) "
    seen = re.search(row, said, re.MULTILINE)
    assert seen, said
    assert int(seen["child"]) > HELD * 1.03 + 30
    slot = queues["reports"]["app_memory_mb"] + queues["reports"]["task_memory_mb"]
    assert 1.1 * int(seen["child"]) <= slot <= 1.5 * int(seen["child"])
    assert queues["mail"]["task_memory_mb"] <= 10
    for spec in queues.values():
        assert 30 <= spec["app_memory_mb"] <= 100
    play("plan", *extra(celery_worker_queues=queues, plan_file=scratch / "measured.json"))
    assert actions(scratch / "measured.json")["reports-prefork"] == "restart"
