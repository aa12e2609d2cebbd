# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a broker that is away, restarts or falls silent does to workers: nothing that lasts."""

from __future__ import annotations

import signal
import time
from functools import partial

import celery
import kombu
import pytest
from celery import VERSION_BANNER
from eventually import wait_until

from integration.agent.harness import POOLS, Line, Service, Stage

#: Seconds of systemd's patience in these tests.
WATCHDOG = 4.0


def all_pools(stage: Stage, **environ: str) -> dict[str, Service]:
    """A worker of each pool."""
    return {pool: stage.worker(pool, watchdog=WATCHDOG, **environ) for pool in POOLS}


def all_ready(workers: dict[str, Service]) -> None:
    for pool, worker in workers.items():
        wait_until(f"{pool} is ready", worker.is_ready)


def test_start_without_a_broker(stage: Stage) -> None:
    stage.redis.stop()
    workers = all_pools(stage)
    for pool, worker in workers.items():
        wait_until(f"{pool} says why", partial(worker.shows, "waiting for the broker"))
        wait_until(f"{pool} asks for time", partial(worker.asks_for_time, 3))
        assert not worker.is_ready()
    stage.redis.start()
    all_ready(workers)
    assert all(worker.runs for worker in workers.values())


def test_an_outage_of_three_times_the_watchdog(stage: Stage) -> None:
    workers = all_pools(stage)
    all_ready(workers)
    # solo's loop stands still while its task runs; it waits for the broker with none.
    busy = [pool for pool in POOLS if pool != "solo"]
    for pool in busy:
        stage.send(pool, "parcels.send", f"{pool}-through", 6)
    wait_until("the tasks run", lambda: len(stage.marks("started")) == len(busy))
    stage.redis.stop()
    time.sleep(3 * WATCHDOG)
    for pool, worker in workers.items():
        assert worker.runs, pool
        assert worker.systemd.status.startswith("waiting for the broker"), pool
    assert sorted(stage.marks("done")) == sorted(f"{pool}-through" for pool in busy)
    stage.redis.start()
    for pool in POOLS:
        stage.send(pool, "parcels.send", f"{pool}-after")
    wait_until("all consume again", lambda: {f"{pool}-after" for pool in POOLS} <= set(stage.marks("done")))
    for pool, worker in workers.items():
        assert not worker.systemd.would_restart(WATCHDOG), pool


def test_a_stop_while_the_broker_is_away(stage: Stage) -> None:
    workers = all_pools(stage)
    all_ready(workers)
    stage.redis.stop()
    for pool, worker in workers.items():
        wait_until(f"{pool} misses it", partial(worker.shows, "waiting for the broker"))
    for worker in workers.values():
        worker.signal(signal.SIGTERM)
    for pool, worker in workers.items():
        assert worker.ended(30) == 0, pool


def test_connections_that_fell_silent(stage: Stage) -> None:
    line = Line(stage.redis.port)
    workers = {pool: stage.worker(pool, CELERY_BROKER_URL=line.url) for pool in POOLS}
    all_ready(workers)
    line.fall_silent()
    # What Redis would still push into the dead line is lost, agent or not.
    wait_until("Redis lost its clients", partial(stage.redis.has_waiting, 0))
    for pool in POOLS:
        stage.send(pool, "parcels.send", pool)
    wait_until("all consume again", lambda: sorted(stage.marks("done")) == sorted(POOLS))


def test_a_message_that_comes_while_another_connection_breaks(stage: Stage) -> None:
    """celery 5.7.0 alone loses nearly each of these messages, or runs one of them again and again.

    With a kombu before 5.7 gevent and eventlet have begun it by then, and it runs again, as on any version
    what runs when the connection breaks.
    """
    workers = all_pools(stage)
    all_ready(workers)
    sent: list[str] = []
    for number in range(3):
        wait_until("all wait for work", partial(stage.redis.has_waiting, len(POOLS)))
        names = [f"{pool}-{number}" for pool in POOLS]
        for name in names:
            stage.send(f"held-{number}", "parcels.send", name)
        stage.redis.break_listeners_and_deliver(f"held-{number}", POOLS)
        sent += names
        wait_until("all are done", partial(stage.has_all_marks, "done", sent))
    assert sorted(stage.marks("done")) == sorted(sent)
    # One that has begun goes back to where it was sent to.
    again = [stage.redis.ask("LLEN", f"held-{number}") for number in range(3)]
    assert again == ["0"] * 3 or kombu.VERSION < (5, 7)


@pytest.mark.parametrize("arrives", [False, True], ids=["the note is lost", "its answer is lost"])
def test_a_message_that_is_taken_while_the_connection_breaks(stage: Stage, arrives: bool) -> None:
    """kombu pops it, and notes it with a second command; alone it forgets the message when that one fails."""
    lines = {pool: Line(stage.redis.port) for pool in POOLS}
    workers = {pool: stage.worker(pool, CELERY_BROKER_URL=line.url) for pool, line in lines.items()}
    all_ready(workers)
    for pool, line in lines.items():
        line.cut_at(b"ZADD", arrives=arrives)
        stage.send(pool, "parcels.send", pool)
    wait_until("all are done", partial(stage.has_marks, "done", len(POOLS)))
    for worker in workers.values():
        wait_until("it gave one back", partial(worker.says, "gave back to the broker: parcels.send["))
    wait_until("all are acknowledged", lambda: stage.redis.ask("HLEN", "unacked") == "0")
    assert sorted(stage.marks("started")) == sorted(POOLS)


def test_an_acknowledgement_that_is_lost_with_the_connection(stage: Stage) -> None:
    """Celery alone drops it: a task that is acknowledged before it runs would come back, and run again."""
    stage.settings["task_acks_late"] = False
    lines = {pool: Line(stage.redis.port) for pool in POOLS}
    workers = {pool: stage.worker(pool, CELERY_BROKER_URL=line.url) for pool, line in lines.items()}
    all_ready(workers)
    for pool, line in lines.items():
        line.cut_at(b"ZREM", arrives=False)
        stage.send(pool, "parcels.send", pool)
    wait_until("all are done", partial(stage.has_marks, "done", len(POOLS)))
    wait_until("all are acknowledged", lambda: stage.redis.ask("HLEN", "unacked") == "0")
    for pool in POOLS:
        stage.send(pool, "parcels.send", f"{pool}-after")
    wait_until("all consume", partial(stage.has_marks, "done", 2 * len(POOLS)))
    assert sorted(stage.marks("started")) == sorted([*POOLS, *(f"{pool}-after" for pool in POOLS)])


def test_a_stop_on_connections_that_fell_silent(stage: Stage) -> None:
    line = Line(stage.redis.port)
    workers = {pool: stage.worker(pool, CELERY_BROKER_URL=line.url) for pool in POOLS}
    all_ready(workers)
    line.fall_silent()
    for worker in workers.values():
        worker.signal(signal.SIGTERM)
    for pool, worker in workers.items():
        assert worker.ended(45) == 0, pool


@pytest.mark.parametrize("agent", [True, False], ids=["with the agent", "without"])
def test_a_restart_of_redis_with_an_unacked_message(stage: Stage, agent: bool) -> None:
    """celery 5.7.0 alone dies of it (celery#10242); the second half shows that this test would see it.

    It dies where it finds Redis away as it gives its messages back, so Redis returns only after that.
    """
    stage.settings["worker_prefetch_multiplier"] = 4
    dies = not agent and VERSION_BANNER.startswith("5.7.0 ")
    worker = stage.worker("prefork", target="celeryops_agent.fleet" if agent else "unwatched")
    wait_until("it runs", lambda: worker.says("ready."))
    stage.send("prefork", "parcels.send", "through", 5)
    wait_until("the task runs", lambda: stage.marks("started") == ["through"])
    stage.redis.stop()
    noticed = "'NoneType' object has no attribute 'hostname'" if dies else "Cannot connect to redis"
    wait_until("it has noticed", lambda: worker.says(noticed))
    stage.redis.start()
    if dies:
        assert worker.ended() == 1
    else:
        stage.send("prefork", "parcels.send", "after")
        wait_until("both are done", lambda: set(stage.marks("done")) == {"through", "after"})
        # Celery 5.5 alone does not hear of the end of what ran when the connection broke.
        left = "0" if agent or celery.VERSION >= (5, 6) else "1"
        wait_until("what was heard of is acknowledged", lambda: stage.redis.ask("HLEN", "unacked") == left)
        assert worker.runs
