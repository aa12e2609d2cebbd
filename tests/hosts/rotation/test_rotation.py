"""Rotation under load: lines written = lines kept, and nothing restarts.

The fleet's app is tests/apps/chatter and its `celery_app_log_destination` is `file`.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest
import testinfra
from eventually import wait_until
from testinfra.host import Host

INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
CHANNELS = ("the task's logger", "another logger", "print")
ROTATIONS = 8
CURRENT = "/opt/celery/current"
ENVIRONMENT = " ".join(f"-p EnvironmentFile=/etc/conf.d/celery/{name}.env" for name in ("broker", "app"))


@pytest.fixture(scope="module")
def fleet() -> list[Host]:
    """Return every host that runs workers."""
    where = f"ansible://celery_queue_celery?ansible_inventory={INVENTORY}&force_ansible=false"
    hosts: list[Host] = testinfra.get_hosts([where])
    return hosts


def processes(host: Host) -> str:
    """Return the main process and the count of restarts of every instance."""
    return str(host.check_output("systemctl show 'celery-worker@*' --property=Id,MainPID,NRestarts"))


def words(text: str, run: str) -> list[tuple[str, str, str]]:
    """Return number, process and channel of every line that the run's tasks logged."""
    found: list[tuple[str, str, str]] = re.findall(
        rf"spoken {run}\.(\d+\.\d+) by (\d+) to (.+?)\s*$", text, re.MULTILINE
    )
    return found


def test_lines_written_are_lines_kept(fleet: list[Host]) -> None:
    """While tasks log in every way they can, files are rotated again and again."""
    run = uuid.uuid4().hex[:8]
    sender = fleet[0]
    before = [processes(host) for host in fleet]
    sender.check_output(
        f"systemd-run --unit=chatter-{run} -p User=celery {ENVIRONMENT} -p WorkingDirectory={CURRENT}/app "
        f"-p RemainAfterExit=yes {CURRENT}/venv/bin/python -m chatter {run}"
    )
    for _turn in range(ROTATIONS):
        time.sleep(1)
        for host in fleet:
            host.check_output("/usr/sbin/logrotate --force /etc/logrotate.d/celery")
    state = f"systemctl show chatter-{run} --property=SubState --value"
    wait_until("all tasks are done", lambda: sender.check_output(state) != "running")
    said = sender.check_output(f"journalctl --unit=chatter-{run} --output=cat")
    written = int(re.findall(r"^\d+$", said, re.MULTILINE)[0])

    kept = [host.check_output("zcat -f /var/log/celery/*.log*") for host in fleet]
    lines = Counter((number, channel) for text in kept for number, _process, channel in words(text, run))
    numbers = {number for number, _channel in lines}
    assert lines == Counter((number, channel) for number in numbers for channel in CHANNELS)
    assert lines.total() == written

    # Without these the figures above would prove nothing.
    assert [processes(host) for host in fleet] == before, "something restarted"
    for host, text in zip(fleet, kept, strict=True):
        assert len({process for _number, process, _channel in words(text, run)}) > 1, "only one process wrote"
        spread = host.check_output(f"zgrep -l 'spoken {run}' /var/log/celery/*.log.*").splitlines()
        assert len(spread) > ROTATIONS / 2, "the rotations did not fall into the load"
