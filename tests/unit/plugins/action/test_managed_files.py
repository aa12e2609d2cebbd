"""Where the look of this run shows that all is as wanted, managed_files does not call the host."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

LOOK = {"celeryops.systemd.host_facts": {"files": ["{{ root }}/*"]}}


def write(name: str, content: str, **more: Any) -> dict[str, Any]:
    wanted = {"path": f"{{{{ root }}}}/{name}", "content": content}
    return {"celeryops.systemd.managed_files": {"files": [wanted]}, **more}


def tamper(name: str) -> dict[str, Any]:
    """Change a file behind Ansible's back: who does not call the host does not notice."""
    argv = ["cp", "/dev/null", f"{{{{ root }}}}/{name}"]
    return {"ansible.builtin.command": {"argv": argv}, "changed_when": False}


def play(root: Path, *tasks: dict[str, Any], check: bool = False) -> int:
    """Play the tasks on this machine; return how many changed something."""
    return int(told(root, *tasks, check=check).split("changed=")[1].split()[0])


def told(root: Path, *tasks: dict[str, Any], check: bool = False) -> str:
    """Play the tasks on this machine; return what is printed at -vvv."""
    book = root.with_suffix(".yml")
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = ["ansible-playbook", str(book), "--connection=local", f"--extra-vars=root={root}", "-vvv"]
    done = subprocess.run(
        command + ["--check"] * check, capture_output=True, text=True, check=False,
        env={**os.environ, "ANSIBLE_LOCAL_TEMP": str(root.parent / "local"), "ANSIBLE_DISPLAY_OK_HOSTS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_look_shows_nothing_by_which_a_secret_could_be_guessed(tmp_path: Path) -> None:
    """Each run has a key of its own, which is in no result."""
    root = tmp_path / "host"
    root.mkdir()
    (root / "secret").write_text("hunter2")
    key = tmp_path / "key"
    keep = {"ansible.builtin.shell": f"cat {tmp_path}/local/*/celeryops-key > {key}", "no_log": True}
    seen = []
    for _run in range(2):
        text = told(root, LOOK, write("secret", "hunter2"), keep)
        seen += re.findall(r'"digest\W+([0-9a-f]{64})', text)[:1]
        assert key.read_text() not in text
    assert len(set(seen)) == 2
    assert hashlib.sha256(b"hunter2").hexdigest() not in seen


def test_the_host_is_called_where_the_look_differs_and_only_there(tmp_path: Path) -> None:
    root = tmp_path / "host"
    root.mkdir()
    (root / "same").write_text("x")
    (root / "other").write_text("y")
    assert play(root, LOOK, tamper("same"), write("same", "x")) == 0
    assert (root / "same").read_text() == ""
    assert play(root, LOOK, write("other", "z")) == 1
    assert (root / "other").read_text() == "z"


def test_after_a_change_the_look_counts_no_more(tmp_path: Path) -> None:
    root = tmp_path / "host"
    root.mkdir()
    (root / "a").write_text("a")
    there_and_back = (write("a", "b"), write("a", "a"))
    assert play(root, LOOK, *there_and_back) == len(there_and_back)
    assert (root / "a").read_text() == "a"
    assert play(root, LOOK, *there_and_back, check=True) == 1


def test_a_look_that_another_followed_counts_no_more(tmp_path: Path) -> None:
    root = tmp_path / "host"
    root.mkdir()
    (root / "a").write_text("a")
    again: dict[str, Any] = {"celeryops.systemd.host_facts": {}}
    assert play(root, LOOK, again, tamper("a"), write("a", "a")) == 1


def test_the_look_at_one_host_says_nothing_of_another(tmp_path: Path) -> None:
    root = tmp_path / "host"
    root.mkdir()
    (root / "a").write_text("a")
    assert play(root, LOOK, tamper("a"), write("a", "a", delegate_to="127.0.0.1")) == 1
