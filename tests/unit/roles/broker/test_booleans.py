# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A switch of the role that comes by ``-e`` is text, and the text "false" is not true."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from reference.roles import ROOT

ROLE = ROOT / "roles/broker"
ASKED = ("__broker_asked['tls']", "__broker_asked['default_user']", "broker_port == 5671")


@pytest.mark.parametrize("word", ["false", "true"])
def test_text_is_read_as_what_it_says(tmp_path: Path, word: str) -> None:
    files = [str(ROLE / part / "main.yml") for part in ("defaults", "vars")]
    task = {"ansible.builtin.assert": {"that": [f"({one}) == {word}" for one in ASKED]}}
    play = {"hosts": "localhost", "gather_facts": False, "vars_files": files, "tasks": [task]}
    book = tmp_path / "play.yml"
    book.write_text(json.dumps([play]))
    said = f"--extra-vars=broker_type=rabbitmq broker_tls={word} broker_default_user={word}"
    done = subprocess.run(["ansible-playbook", str(book), said], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
