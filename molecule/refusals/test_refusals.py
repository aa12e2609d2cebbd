"""Bad input ends the play before any change, with one message that names variable, value, host and fix."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml
from eventually import wait_until
from testinfra.host import Host

INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
LOCK, BREAK = "/run/celeryops.lock", "run_lock_break=true"
WATCHED = "/etc /opt /usr /var/lib /var/log/celery"


@dataclass(frozen=True)
class Case:
    """One mistake: the inventory variables and groups that make it, and the words the refusal must hold."""

    name: str
    words: Sequence[str]
    variables: Mapping[str, Any] = field(default_factory=dict)
    groups: Mapping[str, Sequence[str]] = field(default_factory=dict)


QUEUE: dict[str, Any] = {"mail": {}}
CASES = [
    Case(
        "unknown pool",
        ["one", "celery_worker_queues", "pool", "prefrok", "prefork"],
        {"celery_worker_queues": {"mail": {"pool": "prefrok"}}},
    ),
    Case(
        "queue without hosts",
        ["celery_worker_queues", "orphan", "celery_queue_orphan"],
        {"celery_worker_queues": {**QUEUE, "orphan": {}}},
    ),
    Case(
        "group without queue",
        ["celery_queue_ghost", "celery_worker_queues", "ghost"],
        groups={"celery_queue_ghost": ["one"]},
    ),
    Case(
        "instance that cannot fit",
        ["one", "mail", "task_memory_mb", "900000", "MB"],
        {"celery_worker_queues": {"mail": {"task_memory_mb": 900000}}},
    ),
    Case(
        "exposed broker without a password",
        ["one", "broker_bind", "0.0.0.0", "broker_password"],
        {"broker_bind": ["0.0.0.0"], "broker_password": ""},
    ),
    Case(
        "exposed Flower without credentials",
        ["one", "flower_address", "0.0.0.0", "flower_users"],
        {"flower_address": "0.0.0.0", "flower_users": {}},
        {"celery_flower": ["one"]},
    ),
    Case(
        "two beats",
        ["celery_beat", "one", "two"],
        groups={"celery_beat": ["one", "two"]},
    ),
    Case(
        "schedule that no clock meets",
        ["one", "celery_beat_schedules.digest.crontab", "61 * * * *", "minute", "0 to 59"],
        {"celery_beat_schedules": {"digest": {"task": "shop.mail.digest", "crontab": "61 * * * *"}}},
        {"celery_beat": ["one"]},
    ),
    Case(
        "beat's lock that ends before it is prolonged",
        ["celery_beat_loop_interval", "30", "celery_beat_lock_timeout", "20"],
        {"celery_beat_loop_interval": 30},
        {"celery_beat": ["one"]},
    ),
    Case(
        "host without systemd",
        ["bare", "systemd"],
        groups={"celery_queue_mail": ["bare"]},
    ),
    Case(
        "app module that the source does not hold",
        ["one", "celery_app_target", "shop.nowhere:shop"],
        {"celery_app_target": "shop.nowhere:shop"},
    ),
    Case(
        "soft limit above the hard limit",
        ["celery_app_task_soft_time_limit", "400", "celery_app_task_time_limit", "300"],
        {"celery_app_task_soft_time_limit": 400, "celery_app_task_time_limit": 300},
    ),
    Case(
        "names and values that only a spec knows, in one round",
        [
            "celery_worker_task_time_limit = 7200", "rename it to celery_app_task_time_limit",
            "celery_worker_log_level = info", "did you mean INFO?",
            "logrotate_frequency = hourly", "daily, monthly, weekly",
            "celery_app_task_time_limit = 5m", "celery_app_python = python3.9",
            "brocker_tls = True", "did you mean broker_tls?",
            "celery_app_settings.task_acks_lat = True", "did you mean task_acks_late?",
        ],
        {
            "celery_worker_task_time_limit": 7200,
            "celery_worker_log_level": "info",
            "logrotate_frequency": "hourly",
            "celery_app_task_time_limit": "5m",
            "celery_app_python": "python3.9",
            "brocker_tls": True,
            "celery_app_settings": {"task_acks_lat": True},
        },
    ),
    Case(
        "visibility timeout below the longest task",
        ["celery_app_visibility_timeout", "60", "300"],
        {"celery_app_visibility_timeout": 60},
    ),
]

RELEASES = [
    Case(
        "an app that does not import",
        ["celery_app_target", "unimportable:app", "a_package_that_nobody_has"],
        {
            "celery_app_target": "unimportable:app",
            "celery_app_source": {"type": "directory", "path": str(PROJECT / "tests/apps/unimportable")},
        },
    ),
    Case(
        "a release without the package of beat's scheduler",
        ["celery_beat_scheduler", "redbeat.RedBeatScheduler", "celery_app_packages", "celery-redbeat"],
        {"celery_beat_scheduler": "redbeat.RedBeatScheduler"},
        {"celery_beat": ["one", "two"]},
    ),
]


def hosts() -> dict[str, Host]:
    return {
        name: testinfra.get_host(f"ansible://{name}?ansible_inventory={INVENTORY}&force_ansible=false")
        for name in ("one", "two")
    }


def extra_inventory(case: Case, directory: Path) -> Path:
    """The mistake as an inventory of its own, laid over the scenario's."""
    groups = {name: {"hosts": dict.fromkeys(members)} for name, members in case.groups.items()}
    everyone = {member for members in case.groups.values() for member in members}
    path = directory / "mistake.yml"
    tree = {"celery": {"hosts": dict.fromkeys(everyone), "children": groups, "vars": dict(case.variables)}}
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


def play(
    case: Case, directory: Path, *words: str, playbook: str = "site"
) -> subprocess.CompletedProcess[str]:
    command = ["ansible-playbook", f"celeryops.systemd.{playbook}", "-i", str(INVENTORY), *words]
    command += ["-i", str(extra_inventory(case, directory)), "-e", json.dumps(dict(case.variables))]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """What the play printed of its refusals, in one line."""
    printed = f"{done.stdout}\n{done.stderr}"
    problems = re.findall(r"^\S.*: .* = .*; .*$", printed, re.MULTILINE)
    refusals = re.findall(r"(?:fatal|ERROR).*?(?=\nPLAY RECAP|\nTASK|\Z)", printed, re.DOTALL)
    return re.sub(r"\s+", " ", " ".join([*problems, *refusals]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused_before_any_change(case: Case, tmp_path: Path) -> None:
    machines = hosts()
    for host in machines.values():
        host.check_output("touch /run/before")
    done = play(case, tmp_path)
    assert done.returncode != 0, done.stdout
    assert [word for word in case.words if word not in said(done)] == [], done.stdout + done.stderr
    recap = re.findall(r"changed=(\d+)", done.stdout)
    assert recap
    assert set(recap) == {"0"}, done.stdout
    for name, host in machines.items():
        touched = host.run(f"find {WATCHED} -newer /run/before -type f 2>/dev/null").stdout
        assert touched == "", f"{name} was changed"


MISTAKE = Case("mistake", [], {"celery_worker_log_level": "info"})


@contextmanager
def standing_still(lock: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A run of the site that has its lock on a host, and stands still; its process is killed at the end."""
    command = ["ansible-playbook", "celeryops.systemd.site", "-i", str(INVENTORY), *words]
    run = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        host = hosts()[lock]
        wait_until("it has its lock", lambda: host.run(f"grep -q '\"pid\": {run.pid},' {LOCK}").rc == 0)
        os.killpg(run.pid, signal.SIGSTOP)
        yield run
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def test_two_runs_do_not_meet(tmp_path: Path) -> None:
    """The first stands still on its way; the second is told so, and once the first has ended, goes on."""
    with standing_still("one", "--limit=one") as first:
        for playbook in ("site", "undrain"):
            second = play(MISTAKE, tmp_path, playbook=playbook)
            assert second.returncode != 0
            words = [f"pid {first.pid}", "one: lock = ", "another run changes this host", BREAK]
            assert [word for word in words if word not in said(second)] == [], second.stdout + second.stderr
            assert "two: lock = " not in said(second)
            assert set(re.findall(r"changed=(\d+)", second.stdout)) == {"0"}
            assert f'"pid": {first.pid},' in hosts()["one"].file(LOCK).content_string
            assert not hosts()["two"].file(LOCK).exists, "what the second had before it was told stays locked"
    third = play(MISTAKE, tmp_path)
    assert "another run changes this host" not in said(third)
    assert "celery_worker_log_level = info" in said(third)
    assert "that run has ended without releasing it; this one takes it over" in " ".join(
        f"{third.stdout} {third.stderr}".split()
    )


def test_a_run_whose_lock_was_broken_writes_nothing_more(tmp_path: Path) -> None:
    """It was thought to be gone, and goes on."""
    with standing_still("one", "--limit=one") as first:
        second = play(MISTAKE, tmp_path, "-e", BREAK)
        assert "celery_worker_log_level = info" in said(second)
        os.killpg(first.pid, signal.SIGCONT)
        printed, _errors = first.communicate()
    assert first.returncode != 0
    assert "it has taken this host from this run, which ends here" in " ".join(printed.split())
    for path in ("/etc/conf.d/celery", "/opt/celery", "/etc/redis/celery.conf"):
        assert not hosts()["one"].file(path).exists, path


@pytest.mark.parametrize("case", RELEASES, ids=lambda case: case.name)
def test_a_release_that_would_not_run_reaches_no_worker(case: Case, tmp_path: Path) -> None:
    """Only the host can tell: it does so while the release is staged, and nothing of the release stays."""
    done = play(case, tmp_path)
    assert done.returncode != 0, done.stdout
    assert [word for word in case.words if word not in said(done)] == [], done.stdout + done.stderr
    for host in hosts().values():
        assert not host.file("/opt/celery/current").exists
        assert host.check_output("ls -A /opt/celery/releases") == ""
        assert host.check_output("systemctl list-unit-files --no-legend 'celery*' || true") == ""
