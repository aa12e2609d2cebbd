"""Two beats, one that leads: what is seen of them, and what happens when the leader's host is gone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from proof.beat import EVERY, Lab, prove

LAB = Lab("beat", "broker1", ("beat1", "beat2"))
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
#: The defaults of celery_beat_lock_timeout and celery_beat_loop_interval.
LOCK, LOOP = 20.0, 5.0


def test_status_shows_who_leads_and_who_stands_by() -> None:
    leader = LAB.leader()
    (standby,) = {*LAB.beats} - {leader}
    assert LAB.status(standby) == f"standby, {leader} leads"
    command = ["ansible-playbook", "celeryops.systemd.status", "-i", str(INVENTORY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = [line.split()[:3] for line in done.stdout.splitlines()]
    assert [leader, "beat", "leader"] in rows, done.stdout
    assert [standby, "beat", "standby"] in rows, done.stdout
    assert f"beat leads on {leader}, stands by on {standby}" in done.stdout


def test_a_standby_fires_in_time_and_no_tick_comes_twice() -> None:
    """The leader's host is killed; then the one that took over is frozen, and wakes up as if nothing was."""
    seconds = 4 * LOCK
    counted, failovers = prove(LAB, ["kill", "pause"], each=seconds / 2, until=seconds)
    gap = max(failover.seconds for failover in failovers)
    assert gap <= LOCK + LOOP
    assert counted.doubled == 0
    assert counted.fired >= (seconds - 2 * gap) // EVERY - 1
