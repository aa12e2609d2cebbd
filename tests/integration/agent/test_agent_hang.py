# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which workers lose systemd's patience, and which do not."""

from __future__ import annotations

import signal
from functools import partial

from eventually import wait_until

from integration.agent.harness import POOLS, Service, Stage

#: Seconds of systemd's patience in these tests.
WATCHDOG = 4.0


def lost(stage: Stage, fault: str) -> dict[str, Service]:
    """A worker of each pool, and the fault in each."""
    workers = {pool: stage.worker(pool, f"--hostname={pool}@{fault}", watchdog=WATCHDOG) for pool in POOLS}
    for pool, worker in workers.items():
        wait_until(f"{pool} is ready", worker.is_ready)
    for pool in POOLS:
        stage.control(fault, f"{pool}@{fault}")
    return workers


def restarted(workers: dict[str, Service], reason: str) -> None:
    """Each loses systemd's patience and leaves a testimony."""
    for pool, worker in workers.items():
        wait_until(f"systemd restarts {pool}", partial(worker.systemd.would_restart, WATCHDOG))
        assert worker.shows(f"not working: {reason}")
    for pool, worker in workers.items():
        wait_until(f"{pool} leaves a testimony", partial(worker.says, f"not working: {reason}. Its main"))


def test_a_loop_that_hangs(stage: Stage) -> None:
    restarted(lost(stage, "spin"), "its loop does not turn")


def test_connected_but_not_consuming(stage: Stage) -> None:
    workers = [lost(stage, fault) for fault in ("lose_consumer", "leak_credit")]
    for each in workers:
        restarted(each, "it does not ask the broker for work")


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
        task = "parcels.send" if pool in ("prefork", "threads") else "parcels.weigh"
        for number in range(3):
            stage.send(pool, task, f"{pool}-{number}", 16)
    stage.control("cancel_consumer", "left@test", queue="left")
    wait_until("the queue is left", lambda: leaver.systemd.status == "consuming nothing, as told, 0 active")
    wait_until("the first are done", lambda: {f"{pool}-0" for pool in POOLS} <= set(stage.marks("done")), 180)
    for pool, worker in [*workers.items(), ("leaver", leaver)]:
        assert worker.runs, pool
        assert not worker.systemd.would_restart(WATCHDOG), pool
