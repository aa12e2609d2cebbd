# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The summary as ansible-playbook shows it: once a playbook, whatever else ends the run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from reference.roles import ROOT

PLAYBOOKS = ROOT / "playbooks"
CHANGES = """
- name: Change something
  hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.debug: {msg: "a change"}
      changed_when: true
    - block:
        - ansible.builtin.fail: {msg: "taken back"}
      rescue:
        - ansible.builtin.debug: {msg: "rescued"}
"""
FAILS = """
- name: Fail
  hosts: localhost
  gather_facts: false
  tasks:
    - celeryops.systemd.fleet_state: {state: unserved, reasons: [mail is alone], document: {}}
"""


def play(tmp_path: Path, *options: str, **environment: str) -> tuple[int, list[str]]:
    """Play the first, then the second playbook; return the status and the lines of standard output."""
    (tmp_path / "changes.yml").write_text(CHANGES)
    (tmp_path / "fails.yml").write_text(FAILS)
    shutil.copytree(PLAYBOOKS / "callback_plugins", tmp_path / "callback_plugins", dirs_exist_ok=True)
    books = [str(tmp_path / name) for name in ("changes.yml", "fails.yml")]
    command = ["ansible-playbook", "-i", "localhost,", *books, *options]
    variables = {**os.environ, **environment}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=variables, cwd=tmp_path)
    return done.returncode, done.stdout.splitlines()


def test_each_playbook_has_one_summary_and_failures_stay_visible(tmp_path: Path) -> None:
    status, lines = play(tmp_path)
    summaries = [number for number, line in enumerate(lines) if line.startswith("SUMMARY **")]
    first, second = (lines[number + 1 :] for number in summaries)
    assert first[:2] == [
        "changed           Change something: 1 on localhost",
        "next              celeryops.systemd.status shows whether all of it works",
    ]
    assert second == [
        "changed           nothing before what failed",
        "failed            localhost",
        "next              fix what is told above, and play it again",
    ]
    assert status == 3
    assert any("unserved: mail is alone" in line for line in lines)


def test_check_mode_and_the_settings_that_are_recommended(tmp_path: Path) -> None:
    _status, lines = play(
        tmp_path, "--check", ANSIBLE_DISPLAY_OK_HOSTS="false", ANSIBLE_DISPLAY_SKIPPED_HOSTS="false"
    )
    assert "would change      Change something: 1 on localhost" in lines
    assert any("mail is alone" in line for line in lines)
    assert any("taken back" in line for line in lines)
