# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which workers lose systemd's patience, and which do not."""

from __future__ import annotations

import signal
from functools import partial

import pytest

from integration.agent.harness import POOLS, Stage, wait_until

#: Seconds of systemd's patience in these tests.
WATCHDOG = 4.0


@pytest.mark.parametrize(
    ("fault", "pools", "reason"),
    [
        ("spin", POOLS, "its loop does not turn"),
        ("lose_consumer", POOLS, "it does not ask the broker for work"),
        ("leak_credit", POOLS, "it does not ask the broker for work"),
    ],
)
def test_a_worker_that_no_longer_consumes(
    stage: Stage, fault: str, pools: tuple[str, ...], reason: str
) -> None:
    workers = {pool: stage.worker(pool, watchdog=WATCHDOG) for pool in pools}
    for pool, worker in workers.items():
        wait_until(f"{pool} is ready", worker.is_ready)
    for pool in POOLS:
        stage.control(fault, f"{pool}@test")
    for pool, worker in workers.items():
        wait_until(f"systemd restarts {pool}", partial(worker.systemd.would_restart, WATCHDOG))
        assert worker.systemd.status == f"not working: {reason}"
    for pool, worker in workers.items():
        wait_until(f"{pool} leaves a testimony", partial(worker.says, f"not working: {reason}. Its main"))


def test_a_stopped_process(stage: Stage) -> None:
    worker = stage.worker("prefork", watchdog=WATCHDOG)
    wait_until("it is ready", worker.is_ready)
    worker.signal(signal.SIGSTOP)
    wait_until("systemd restarts it", lambda: worker.systemd.would_restart(WATCHDOG))


def test_healthy_workers_are_never_restarted(stage: Stage) -> None:
    """Long tasks in every pool, also where they keep the loop itself busy; and a queue left on purpose."""
    workers = {pool: stage.worker(pool, watchdog=WATCHDOG) for pool in POOLS}
    leaver = stage.celery(
        "worker",
        "--pool=threads",
        "--concurrency=2",
        "--queues=left",
        "--hostname=left@test",
        watchdog=WATCHDOG,
    )
    for pool, worker in workers.items():
        wait_until(f"{pool} is ready", worker.is_ready)
    wait_until("the leaver is ready", leaver.is_ready)
    for pool in POOLS:
        for number in range(3):
            stage.send(
                pool, "parcels.send" if pool in ("prefork", "threads") else "weigh", f"{pool}-{number}", 16
            )
    stage.control("cancel_consumer", "left@test", queue="left")
    wait_until("the queue is left", lambda: leaver.systemd.status == "consuming nothing, as told, 0 active")
    wait_until("the first are done", lambda: {f"{pool}-0" for pool in POOLS} <= set(stage.marks("done")), 180)
    for pool, worker in [*workers.items(), ("leaver", leaver)]:
        assert worker.runs, pool
        assert not worker.systemd.would_restart(WATCHDOG), pool
