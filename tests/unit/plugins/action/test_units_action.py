"""Where the look of this run shows that nothing has to happen to a unit, units does not call the host.

Nobody has the unit: a call would fail.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

UNIT = "celeryops-nobody-has-this.service"
RUNNING = {
    "name": UNIT, "load": "loaded", "active": "active", "sub": "running", "result": "success",
    "status": "fine", "pid": 37, "invocation": "9f1c", "started": 1000.0,
    "enabled": True, "can_enable": True, "needs_reload": False,
}  # fmt: skip
SEEN = {
    "patterns": ["/etc/u/*"],
    "found": {"/etc/u/old": {"kind": "file", "time": 900.0}, "/etc/u/new": {"kind": "file", "time": 1100.0}},
    "units": {UNIT: RUNNING},
    "workers": ["mail-prefork"],
}
# The parent of the process in which a task runs: that of ansible-playbook.
OWN = "{{ lookup('ansible.builtin.pipe', 'ps -o ppid= -p $PPID') | trim }}"
WORKERS = {"template": "celery-worker@", "paths": ["/etc/conf.d/celery/worker-{instance}.env"]}
WISH = {"name": UNIT, "state": "started", "enabled": True, "inputs": ["/etc/u/old", "/etc/u/none"]}


def play(book: Path, run: str = OWN, **arguments: Any) -> subprocess.CompletedProcess[str]:
    """Play the module with the snapshot of a run."""
    taken = json.dumps({**SEEN, "run": "RUN"}).replace("RUN", run)
    tasks: list[dict[str, Any]] = [
        {"ansible.builtin.set_fact": {"celeryops_snapshot": taken, "cacheable": True}},
        {"celeryops.systemd.units": {"units": [WISH], **arguments}, "register": "said"},
        {"ansible.builtin.assert": {"that": [f"said['states']['{UNIT}']['status'] == 'fine'"]}},
    ]
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = ["ansible-playbook", str(book), "--connection=local"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_host_is_not_called_where_all_is_as_wished(tmp_path: Path) -> None:
    for leave in (None, {**WORKERS, "keep": ["mail-prefork", "report-solo"]}):
        done = play(tmp_path / "play.yml", leave=leave)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        {"run": "another"},
        {"run": ""},
        {"ask": True},
        {"changed_paths": ["/etc/u/old"]},
        {"units": [{**WISH, "inputs": ["/etc/u/new"]}]},
        {"units": [{**WISH, "inputs": ["/etc/never-looked-at"]}]},
        {"units": [{**WISH, "state": "stopped"}]},
        {"leave": {"template": "celeryops-nobody-has-this@"}},
        {"leave": {**WORKERS, "keep": ["report-solo"]}},
        {"leave": {**WORKERS, "keep": ["mail-prefork"], "paths": ["/etc/elsewhere/{instance}"]}},
    ],
    ids=str,
)
def test_the_host_is_called_where_that_is_not_known(tmp_path: Path, arguments: dict[str, Any]) -> None:
    done = play(tmp_path / "play.yml", **arguments)
    assert done.returncode != 0
    assert "celeryops.systemd.units" in done.stdout + done.stderr or UNIT in done.stdout + done.stderr
