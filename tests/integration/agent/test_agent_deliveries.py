# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A task that ends its process each time is a dead letter after so many deliveries; others run meanwhile."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
import redis
from celeryops_agent.dead_letters import COUNT
from celeryops_agent.deliveries import count_returns
from celeryops_agent.waiting import DEAD_LIST
from eventually import wait_until
from hostile import messages
from kombu.connection import Connection

from integration.agent.harness import Service, Stage


def letters(stage: Stage) -> list[dict[str, Any]]:
    with redis.Redis(port=stage.redis.port, decode_responses=True) as client:
        return [json.loads(each) for each in client.lrange(DEAD_LIST, 0, -1)]


def put(stage: Stage, queue: str, task: str, name: str, came_back: int = 0) -> None:
    """Put a task into its queue as it lies there after so many returns, to be the next."""
    message = json.loads(messages.for_redis(messages.good(task, [name]), queue))
    if came_back:
        message["properties"][COUNT] = came_back
        message["properties"]["delivery_info"]["redelivered"] = True
    with redis.Redis(port=stage.redis.port) as client:
        client.rpush(queue, json.dumps(message))


def started(worker: Service) -> Service:
    wait_until("it is ready", worker.is_ready)
    return worker


def test_a_task_that_kills_its_child_each_time(stage: Stage) -> None:
    worker = started(stage.worker("prefork", CELERYOPS_MAX_DELIVERIES="3"))
    put(stage, "prefork", "parcels.die", "poison")
    for number in range(10):
        put(stage, "prefork", "parcels.send", f"good-{number}")
    wait_until("it is kept", lambda: letters(stage))
    assert stage.marks("started").count("poison") == 3
    assert stage.has_marks("done", 10)
    (letter,) = letters(stage)
    assert "delivered 3 times" in letter["why"]
    assert COUNT not in json.loads(letter["message"])["properties"]
    assert worker.says("becomes a dead letter: it was delivered 3 times")
    assert worker.runs
    assert stage.redis.ask("HLEN", "unacked") == "0"


def test_a_task_that_kills_the_main_process_each_time(stage: Stage) -> None:
    put(stage, "threads", "parcels.die", "poison")
    for _start in range(2):
        stage.worker("threads", CELERYOPS_MAX_DELIVERIES="2").ended()
        give_back_overdue(stage)
    worker = started(stage.worker("threads", CELERYOPS_MAX_DELIVERIES="2"))
    wait_until("it is kept", lambda: letters(stage))
    assert stage.marks("started") == ["poison", "poison"]
    assert "delivered 2 times" in letters(stage)[0]["why"]
    assert worker.runs


def give_back_overdue(stage: Stage) -> None:
    """What each worker does with messages that another one held for longer than the visibility timeout."""
    count_returns("redis")
    with Connection(stage.redis.url, transport_options={"visibility_timeout": 0}) as connection:
        connection.default_channel.qos.restore_visible(interval=1)


@pytest.mark.parametrize("pool", ["prefork", "threads", "gevent"])
def test_of_what_came_back_often_one_runs_at_a_time_and_others_meanwhile(stage: Stage, pool: str) -> None:
    started(stage.worker(pool))  # with two slots
    put(stage, pool, "parcels.wait_for", "go", came_back=3)
    wait_until("the first runs", lambda: stage.has_marks("started", 1))
    put(stage, pool, "parcels.send", "second", came_back=3)
    wait_until("it has the second", lambda: stage.redis.ask("HLEN", "unacked") == "2")
    put(stage, pool, "parcels.die", "too-often", came_back=20)
    put(stage, pool, "parcels.send", "good")
    wait_until("the good one is done", lambda: stage.has_marks("done", 1))
    assert stage.marks("started") == ["go", "good"]
    assert "delivered 20 times" in letters(stage)[0]["why"]
    (stage.directory / "marks" / "go").touch()
    wait_until("all are done", lambda: stage.has_marks("done", 3))
    assert stage.marks("done") == ["good", "go", "second"]
    wait_until("all is acknowledged", lambda: stage.redis.ask("HLEN", "unacked") == "0")


def test_what_came_back_takes_no_slot_while_it_waits(stage: Stage) -> None:
    """And without a bound it runs, however often it came back."""
    put(stage, "solo", "parcels.send", "came-back", came_back=1000)
    put(stage, "solo", "parcels.send", "good")
    stage.worker("solo", CELERYOPS_MAX_DELIVERIES="0")
    wait_until("both are done", lambda: stage.has_marks("done", 2))
    assert not letters(stage)


def test_what_a_worker_gives_back_when_it_stops_does_not_count(stage: Stage) -> None:
    message = json.loads(messages.for_redis(messages.good("parcels.send", ["later"]), "threads"))
    message["headers"]["eta"] = "2099-01-01T00:00:00+00:00"
    with redis.Redis(port=stage.redis.port) as client:
        client.lpush("threads", json.dumps(message))
    worker = started(stage.worker("threads"))
    wait_until("it has it", lambda: stage.redis.ask("HLEN", "unacked") == "1")
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0
    back = json.loads(stage.redis.ask("LINDEX", "threads", "0"))["properties"]
    assert back["delivery_info"]["redelivered"] is True
    assert COUNT not in back
