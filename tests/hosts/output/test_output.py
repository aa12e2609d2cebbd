"""What site.yml prints with the settings that inventories/ansible.cfg recommends."""

from __future__ import annotations

import configparser
import os
import subprocess
from pathlib import Path

INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
RECOMMENDED = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"]) / "inventories/ansible.cfg"
MOST = 60
WIDTH = 100


def site(*options: str, status: int = 0) -> list[str]:
    """Play the site, which ends with this status, and return the lines that it prints.

    A failure is told on stderr.
    """
    settings = configparser.ConfigParser()
    settings.read(RECOMMENDED)
    environment = {f"ANSIBLE_{name.upper()}": value for name, value in settings["defaults"].items()}
    command = ["ansible-playbook", "celeryops.systemd.site", "-i", str(INVENTORY), *options]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == status, done.stdout + done.stderr
    return [*done.stdout.splitlines(), *(done.stderr.splitlines() if status else ())]


def summary(lines: list[str]) -> list[str]:
    """The lines of the summary, which comes last and once."""
    (begin,) = (number for number, line in enumerate(lines) if line.startswith("SUMMARY ***"))
    return lines[begin + 1 :]


def test_a_changed_number_is_foretold_with_the_units_that_restart() -> None:
    told = summary(site("--check", "-e", '{"celery_app_task_time_limit": 3000}'))
    labels = {line[:16].strip() for line in told}
    assert {"would change", "would restart", "runs now", "next"} <= labels
    assert not labels & {"changed", "restarted", "run on old files"}
    restarts = " ".join(told[[line[:16].strip() for line in told].index("would restart") :]).partition(
        "runs now"
    )[0]
    assert "celery-worker@celery-prefork" in restarts
    assert told[-1] == "next              the same without --check does it"


def test_a_queue_that_no_worker_consumes_is_told_before_any_change() -> None:
    told = " ".join(site("-e", '{"celery_app_settings": {"task_default_queue": "nobody"}}', status=2))
    words = "celery_worker_queues = celery: the app sends to the queue nobody (task_default_queue), which no"
    assert f"machine: {words} worker consumes; set celery_app_settings" in " ".join(told.split())


# After the others, which must have changed nothing.
def test_a_run_that_changes_nothing_is_short_and_says_so() -> None:
    lines = site()
    assert len(lines) <= MOST
    told = summary(lines)
    assert max(map(len, told)) <= WIDTH
    assert told[0] == "changed           nothing"
    assert told[-1].startswith("next              nothing")
    runs = " ".join(told)
    for unit in (
        "celery-worker@celery-prefork",
        "celery-worker@celery-threads",
        "celery-beat",
        "redis-server",
    ):
        assert unit in runs
