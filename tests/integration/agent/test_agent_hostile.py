# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A message that no worker can run stops nothing: it is named in the log, kept, and the next one runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis
from celeryops_agent.waiting import DEAD_LIST
from eventually import wait_until
from hostile import messages

from integration.agent.harness import POOLS, Stage


def letters(stage: Stage, prefix: str = "") -> list[dict[str, Any]]:
    with redis.Redis(port=stage.redis.port, decode_responses=True) as client:
        return [json.loads(each) for each in client.lrange(f"{prefix}{DEAD_LIST}", 0, -1)]


@pytest.mark.parametrize("pool", POOLS)
def test_every_kind_of_malformed_message_between_good_ones(stage: Stage, pool: str) -> None:
    worker = stage.worker(pool)
    wait_until("it is ready", worker.is_ready)
    malformed = messages.all_for_redis("parcels.send", pool)
    # One of 10 MB too.
    malformed["10 MB"] = messages.for_redis(messages.good("nobody.knows", ["x" * 10_000_000]), pool)
    with redis.Redis(port=stage.redis.port) as client:
        for number, raw in enumerate(malformed.values()):
            client.lpush(pool, raw)
            client.lpush(pool, messages.for_redis(messages.good("parcels.send", [f"good-{number}"]), pool))
    wait_until("the good ones are done", lambda: stage.has_marks("done", len(malformed)))
    wait_until("the others are kept", lambda: len(letters(stage)) >= len(malformed))
    assert sorted(stage.marks("done")) == sorted(f"good-{number}" for number in range(len(malformed)))
    assert worker.runs
    assert worker.systemd.count("READY") == 1
    kept = letters(stage)
    assert len(kept) == len(malformed)
    assert {letter["queue"] for letter in kept} == {pool}
    assert all(letter["why"] and letter["at"] for letter in kept)
    assert worker.log.read_text(errors="replace").count("becomes a dead letter") == len(malformed)
    wait_until("all is acknowledged", lambda: stage.redis.ask("HLEN", "unacked") == "0")
    assert stage.redis.ask("LLEN", pool) == "0"


def test_the_list_of_dead_letters_has_a_bound_and_the_key_prefix(stage: Stage) -> None:
    options = {**stage.settings["broker_transport_options"], "global_keyprefix": "shop:"}
    stage.settings["broker_transport_options"] = options
    worker = stage.worker("threads")
    wait_until("it is ready", worker.is_ready)
    with redis.Redis(port=stage.redis.port) as client:
        client.lpush(f"shop:{DEAD_LIST}", *["{}"] * 1010)
        client.lpush("shop:threads", "no JSON")
    wait_until("it is kept", lambda: worker.says("becomes a dead letter"))
    wait_until("the oldest have gone", lambda: len(letters(stage, "shop:")) == 1000)
    assert letters(stage, "shop:")[0]["why"] == "it is no JSON"


@pytest.mark.parametrize("pool", ["threads", "gevent"])
def test_what_celery_stumbles_over_behind_a_task_takes_no_slot_for_ever(stage: Stage, pool: str) -> None:
    worker = stage.worker(pool)  # with two slots
    wait_until("it is ready", worker.is_ready)
    odd = messages.good("parcels.send", ["odd"])
    odd["body"][2]["chain"] = [{"task": "parcels.nothing", "subtask_type": [1]}]
    with redis.Redis(port=stage.redis.port) as client:
        for parts in (odd, odd, odd, messages.good("parcels.send", ["good"])):
            client.lpush(pool, messages.for_redis(parts, pool))
    wait_until("the good one is done", lambda: "good" in stage.marks("done"))
    wait_until("all is acknowledged", lambda: stage.redis.ask("HLEN", "unacked") == "0")
    # A Celery before 5.7 takes this for the task's own error, and tells it itself.
    assert worker.says("unhashable type: 'list'")
    assert worker.runs


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_who_waits_for_an_unknown_task_is_told(stage: Stage, pool: str) -> None:
    """As Celery does it; besides, the message is kept."""
    worker = stage.worker(pool)
    wait_until("it is ready", worker.is_ready)
    stage.send(pool, "nobody.knows")
    wait_until("it is kept", lambda: len(letters(stage)) == 1)
    wait_until("Celery says so", lambda: worker.says("unregistered task of type 'nobody.knows'"))
    assert worker.runs
