# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What Ansible prints of the action that packs the app."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path


def test_a_token_in_a_url_is_not_printed(tmp_path: Path) -> None:
    source = {"type": "git", "repo": "https://user:hunter2@127.0.0.1:1/shop.git"}
    arguments = {"source": source, "target": "shop.celery", "cache": str(tmp_path)}
    tasks = [{"celeryops.systemd.app_artifact": arguments}]
    book = tmp_path / "play.yml"
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = ["ansible-playbook", str(book), "--connection=local", "-vvv"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "git cannot read version HEAD" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
