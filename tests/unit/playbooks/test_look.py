# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hosts that a play leaves out: one may be silent, but who answers is looked at, or the play ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from reference.roles import ROOT

HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
SILENT = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}
BROKEN = {"ansible_connection": "local", "ansible_python_interpreter": "/nowhere/python"}
FOUND = "{{ __rollout_elsewhere['results'] | selectattr('instances', 'defined') | map(attribute='item') }}"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a directory with a systemd that runs nothing: here may be none that answers."""
    systemctl = tmp_path / "systemctl"
    systemctl.write_text("#!/bin/sh\n")
    systemctl.chmod(0o755)
    return tmp_path


def look(place: Path, others: dict[str, dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Look as a play does that is limited to w1, and say what was found elsewhere."""
    hosts = {"w1": HERE, **others}
    (place / "hosts.json").write_text(json.dumps({"all": {"hosts": hosts}}))
    tasks = [
        {"ansible.builtin.import_tasks": str(ROOT / "playbooks/tasks/look.yml")},
        {"ansible.builtin.debug": {"msg": f"found {FOUND}"}},
    ]
    variables = {"__rollout_queue_hosts": [*hosts]}
    play = {"hosts": "all", "gather_facts": False, "vars": variables, "tasks": tasks}
    (place / "play.yml").write_text(json.dumps([play]))
    command = ["ansible-playbook", "play.yml", "--inventory=hosts.json", "--limit=w1"]
    environment = {**os.environ, "PATH": f"{place}:{os.environ['PATH']}"}
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)


def test_one_that_is_silent_counts_as_no_consumer(place: Path) -> None:
    done = look(place, {"w2": HERE, "w3": SILENT})
    assert done.returncode == 0, done.stdout
    assert "found ['w2']" in done.stdout


def test_one_that_answers_and_cannot_be_looked_at_ends_the_play(place: Path) -> None:
    done = look(place, {"w2": HERE, "w3": SILENT, "w4": BROKEN})
    assert done.returncode != 0
    assert "w4: --limit = w1: " in done.stdout
    assert "/nowhere/python" in done.stdout.partition("w4: --limit = w1: ")[2]
    assert "w3: --limit" not in done.stdout
    assert "found [" not in done.stdout
