# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The exit status by which a program tells a fleet that is well from one that is not."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from reference.roles import ROOT

PLAYBOOKS = ROOT / "playbooks"
PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - celeryops.systemd.fleet_state:
        state: "{{ told }}"
        reasons: [mail is alone]
        document: {state: "{{ told }}"}
"""


@pytest.mark.parametrize(("state", "status"), [("well", 0), ("degraded", 2), ("unserved", 3)])
def test_each_state_has_its_exit_status(tmp_path: Path, state: str, status: int) -> None:
    (tmp_path / "play.yml").write_text(PLAY)
    shutil.copytree(PLAYBOOKS / "callback_plugins", tmp_path / "callback_plugins")
    command = ["ansible-playbook", "-i", "localhost,", str(tmp_path / "play.yml"), "-e", f"told={state}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    documents = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"')]
    assert documents == [{"state": state}]
    assert (f"{state}: mail is alone" in done.stdout) == bool(status)
    assert "PLAY RECAP" in done.stdout
