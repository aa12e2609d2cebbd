# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Code of the app that a play runs has a worker's fences, and only this place says how."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.app import app_command, app_failure
from ansible_collections.celeryops.systemd.plugins.plugin_utils.sandbox import sandbox
from reference.roles import ROOT, roles

HOSTS: dict[str, dict[str, Any]] = {
    "bare": {"group_names": ["celery", "celery_queue_mail"]},
    "loose": {
        "group_names": ["celery", "celery_beat", "celery_queue_mail"],
        "celery_host_user": "shop", "celery_host_group": "staff",
        "celery_app_directory": "/srv/shop", "celery_app_virtualenv": "/srv/venv",
        "celery_worker_sandbox": "relaxed",
        "celery_worker_sandbox_overrides": {"ReadWritePaths": ["/srv/up"]},
        "celery_beat_sandbox_overrides": {"PrivateDevices": False},
    },
    "ticks": {
        "group_names": ["celery", "celery_beat"],
        "celery_beat_sandbox_overrides": {"MemoryDenyWriteExecute": False},
        "celery_worker_sandbox": "relaxed",
    },
    "wrong": {"group_names": ["celery_queue_mail"], "celery_worker_sandbox": "tight"},
}  # fmt: skip
# In the worker's unit, and here otherwise: what belongs to one instance, to its life, or to a service.
OF_A_SERVICE = {
    "Type", "NotifyAccess", "WatchdogSec", "TimeoutStartSec", "ExecStart", "KillMode", "KillSignal",
    "TimeoutAbortSec", "Restart", "RestartSec", "Slice", "SyslogIdentifier", "RuntimeDirectory",
    "Environment", "User", "Group", "WorkingDirectory",
}  # fmt: skip


def properties(command: list[str]) -> list[str]:
    return [word.removeprefix("--property=") for word in command if word.startswith("--property=")]


def test_it_has_the_fences_of_the_hosts_workers() -> None:
    assert set(sandbox("strict")) <= set(properties(app_command(HOSTS, "bare", ["-V"])))
    found = properties(app_command(HOSTS, "loose", ["-V"]))
    assert set(sandbox("relaxed", {"ReadWritePaths": ["/srv/up"]})) <= set(found)
    assert "PrivateDevices=no" not in found


def test_where_only_beat_runs_it_has_beats() -> None:
    found = set(properties(app_command(HOSTS, "ticks", ["-V"])))
    assert set(sandbox("strict", {"MemoryDenyWriteExecute": False})) <= found


def test_it_has_every_line_of_the_workers_unit_that_is_not_of_a_service() -> None:
    unit = (ROOT / "roles/celery_worker/templates/celery-worker@.service.j2").read_text()
    lines = unit.split("[Service]")[1].split("{% for")[0].splitlines()
    wanted = {line for line in lines if re.match("[A-Z]", line) and "-%i.env" not in line}
    wanted = {line for line in wanted if line.partition("=")[0] not in OF_A_SERVICE}
    assert wanted
    assert wanted <= set(properties(app_command(HOSTS, "bare", ["-V"])))


def test_it_runs_the_hosts_app_as_the_hosts_user() -> None:
    command = app_command(HOSTS, "loose", ["-m", "celeryops_agent.report"])
    assert {"--uid=shop", "--gid=staff"} <= set(command)
    assert command[-4:] == ["--", "/srv/venv/bin/python", "-m", "celeryops_agent.report"]
    assert "WorkingDirectory=/srv/shop" in properties(command)
    elsewhere = app_command(HOSTS, "loose", ["-V"], directory="/", virtualenv="/x", environment=False)
    assert elsewhere[-2:] == ["/x/bin/python", "-V"]
    told = [line for line in properties(elsewhere) if line.startswith("Environment")]
    assert told == ["Environment=PYTHONDONTWRITEBYTECODE=1"]


def test_what_a_play_sets_holds_over_the_inventory() -> None:
    known = {"celery_app_user": "ours", "celery_worker_sandbox_overrides": {"PrivateDevices": False}}
    command = app_command(HOSTS, "loose", ["-V"], known=known)
    assert {"--uid=ours", "--gid=staff", "--property=PrivateDevices=no"} <= set(command)
    assert "--property=ReadWritePaths=/srv/up" not in command


def test_no_word_of_the_program_is_a_variable_of_systemd() -> None:
    assert app_command(HOSTS, "bare", ['--args=["${HOME}"]', 3])[-2:] == ['--args=["$${HOME}"]', "3"]


def test_an_unknown_sandbox_is_an_error() -> None:
    with pytest.raises(ValueError, match="wrong: 'tight' is no sandbox"):
        app_command(HOSTS, "wrong", ["-V"])


def test_an_import_that_failed_is_told_with_the_host_and_the_fix() -> None:
    said = {"rc": 1, "stdout": "celery_app_target = x: it does not import; fix it\n", "stderr": "noise"}
    assert (
        app_failure(said, "w1", virtualenv="/venv") == "w1: celery_app_target = x: it does not import; fix it"
    )
    missing = {"rc": 1, "stdout": "", "stderr": "Failed to find executable /venv/bin/python: No such file"}
    assert app_failure(missing, "w1", virtualenv="/venv") == (
        "w1: celery_app_virtualenv = /venv: Failed to find executable /venv/bin/python: No such file; "
        "make it there, or set celery_app_virtualenv to where it is"
    )


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (226, "systemd cannot start its Python in the worker's sandbox (status 226/NAMESPACE)"),
        (241, "systemd cannot start its Python in the worker's sandbox (status 241)"),
        # EPIPE: the sandbox could not be set up before Ansible had written the input.
        (32, "its Python did not start, or ended without a word"),
    ],
)
def test_a_python_that_was_not_started_is_told_with_the_sandbox(code: int, what: str) -> None:
    told = app_failure({"rc": code, "stdout": "", "stderr": ""}, "w1", virtualenv="/venv")
    assert told.startswith(f"w1: celery_app_virtualenv = /venv: {what}; ")
    assert "fix celery_worker_sandbox_overrides, whose paths must exist" in told


def test_what_it_takes_of_the_roles_defaults_are_values_and_no_templates() -> None:
    """No play resolves them."""
    taken = [
        *("celery_host_user", "celery_host_group", "celery_app_directory", "celery_app_virtualenv"),
        *(f"celery_{role}_sandbox{part}" for role in ("worker", "beat") for part in ("", "_overrides")),
    ]
    defaults = {name: value for role in roles() for name, value in role.defaults.items()}
    assert [name for name in taken if "{{" in str(defaults[name])] == []


def test_no_play_runs_the_app_in_another_way() -> None:
    """runuser, become_user or a systemd-run of its own, or a Python of the app's, would have no fences."""
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for folder in ("roles", "playbooks")
        for path in sorted((ROOT / folder).rglob("*.yml"))
        for line in path.read_text().splitlines()
        if re.search(r"runuser|become_user|systemd-run|virtualenv.*}}/bin/|venv/bin/python", line)
    ]
    assert found == []
