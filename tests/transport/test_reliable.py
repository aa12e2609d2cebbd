# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The reliable transport for Redis: nothing is lost between a queue and the worker that takes from it."""

from __future__ import annotations

import signal
from functools import partial

import pytest
import redis
from celery import Celery
from celeryops_agent.reliable_redis import digest
from celeryops_agent.reliable_scripts import TAKE
from eventually import wait_until
from integration.agent.harness import POOLS, Line, Service, Stage

ON = {"CELERYOPS_RELIABLE_REDIS": "1"}


def all_pools(stage: Stage, **environ: str) -> dict[str, Service]:
    """A worker of each pool that is ready."""
    workers = {pool: stage.worker(pool, **{**ON, **environ}) for pool in POOLS}
    for pool, worker in workers.items():
        wait_until(f"{pool} is ready", worker.is_ready)
    return workers


def all_acknowledged(stage: Stage) -> bool:
    return all(stage.redis.ask("HLEN", key) == "0" for key in ("unacked", "unacked_holders"))


def has_done(stage: Stage, names: list[str]) -> bool:
    return set(names) <= set(stage.marks("done"))


def test_a_connection_that_carries_nothing_more(stage: Stage) -> None:
    """Neither end hears of it, so kombu alone loses what Redis pops for each worker that waits."""
    line = Line(stage.redis.port)
    all_pools(stage, CELERY_BROKER_URL=line.url)
    line.swallow()
    for pool in POOLS:
        stage.send(pool, "parcels.send", pool)
    wait_until("all are done", partial(has_done, stage, list(POOLS)))
    wait_until("all are acknowledged", partial(all_acknowledged, stage))
    assert sorted(stage.marks("started")) == sorted(POOLS)


def test_an_answer_that_is_lost_with_its_message(stage: Stage) -> None:
    """The message is noted for a connection that its worker no longer has: the worker puts it back."""
    lines = {pool: Line(stage.redis.port) for pool in POOLS}
    for pool, line in lines.items():
        stage.worker(pool, CELERY_BROKER_URL=line.url, **ON)
    for worker in stage.services:
        wait_until("it is ready", worker.is_ready)
    for pool, line in lines.items():
        with redis.Redis(port=stage.redis.port) as client:
            # In one moment: the message comes, and who asks for it next does not hear the answer.
            wait_until(f"{pool} waits", lambda: stage.redis.has_waiting(len(POOLS)))
            client.ping()
        line.cut_at(digest(TAKE).encode(), arrives=True)
        stage.send(pool, "parcels.send", pool)
    wait_until("all are done", partial(has_done, stage, list(POOLS)))
    wait_until("all are acknowledged", partial(all_acknowledged, stage))
    assert sorted(stage.marks("started")) == sorted(POOLS)


def test_a_main_process_that_is_killed(stage: Stage) -> None:
    """What it held goes to the next worker of its machine, at once and not after an hour."""
    stage.settings["worker_prefetch_multiplier"] = 4
    names = [f"parcel-{number}" for number in range(60)]
    for name in names:
        stage.send("prefork", "parcels.send", name, 0.05)
    for kill in range(3):
        worker = stage.worker("prefork", **ON)
        wait_until("it works", partial(stage.has_marks, "done", 5 * (kill + 1)))
        worker.kill()
    stage.worker("prefork", **ON)
    wait_until("all are done", partial(has_done, stage, names))
    wait_until("all are acknowledged", partial(all_acknowledged, stage))


def test_plain_workers_beside(stage: Stage) -> None:
    """One queue, both ways of taking: each task runs once."""
    stage.worker("prefork", **ON)
    stage.worker("prefork", "--hostname=plain@test", target="unwatched", listen=False)
    names = [f"parcel-{number}" for number in range(200)]
    for name in names:
        stage.send("prefork", "parcels.send", name, 0.01)
    wait_until("all are done", partial(has_done, stage, names))
    wait_until("all are acknowledged", partial(all_acknowledged, stage))
    assert sorted(stage.marks("started")) == sorted(names)


def test_priorities_and_a_key_prefix(stage: Stage) -> None:
    """The lists keep their order, under a prefix that plain producers share."""
    options = {**stage.settings["broker_transport_options"], "global_keyprefix": "shop:"}
    stage.settings["broker_transport_options"] = options
    with Celery(broker=stage.redis.url, set_as_current=False) as client:
        client.conf.broker_transport_options = {"global_keyprefix": "shop:"}
        for priority in (9, 6, 3, 0):
            client.send_task("parcels.send", (f"p{priority}",), queue="solo", priority=priority)
    stage.worker("solo", **ON)
    names = ["p0", "p3", "p6", "p9"]
    wait_until("all are done", partial(has_done, stage, names))
    assert stage.marks("started") == names
    wait_until("all are acknowledged", lambda: stage.redis.ask("KEYS", "shop:unacked") == "")
    assert stage.redis.ask("KEYS", "unacked*") == ""


@pytest.mark.parametrize("pool", POOLS)
def test_a_stop_returns_what_was_prefetched(stage: Stage, pool: str) -> None:
    stage.settings["worker_prefetch_multiplier"] = 4
    worker = stage.worker(pool, **ON)
    wait_until("it is ready", worker.is_ready)
    names = [f"parcel-{number}" for number in range(6)]
    for name in names:
        stage.send(pool, "parcels.send", name, 1)
    wait_until("one runs", partial(stage.has_marks, "started", 1))
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0
    assert all_acknowledged(stage)
    begun = stage.marks("started")
    assert begun == stage.marks("done") or sorted(begun) == sorted(stage.marks("done"))
    assert int(stage.redis.ask("LLEN", pool)) == len(names) - len(begun)


def test_what_is_no_message(stage: Stage) -> None:
    """It neither ends the worker nor is it lost."""
    worker = stage.worker("prefork", **ON)
    wait_until("it is ready", worker.is_ready)
    stage.redis.ask("LPUSH", "prefork", "this is no message")
    stage.send("prefork", "parcels.send", "after")
    wait_until("it works on", partial(has_done, stage, ["after"]))
    assert stage.redis.ask("LRANGE", "unacked_unreadable", "0", "-1") == "this is no message"
    assert worker.runs


def test_a_broker_that_does_not_allow_it(stage: Stage) -> None:
    """The worker says what may be lost, and works as ever."""
    stage.redis.ask("ACL", "SETUSER", "default", "-blmove")
    worker = stage.worker("prefork", **ON)
    wait_until("it is ready", worker.is_ready)
    stage.send("prefork", "parcels.send", "parcel")
    wait_until("it works", partial(has_done, stage, ["parcel"]))
    assert worker.says("the broker does not allow to take a message and note it in one step")
