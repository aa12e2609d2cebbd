# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What proves consumption and what excuses its absence, over stand-ins of Celery's consumer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from celery.concurrency.solo import TaskPool as SoloPool
from celery.worker import state
from celeryops_agent.consumption import asked_age, loop_hold

NOW = 1000.0


def consumer(
    *,
    queues: tuple[str, ...] = ("mail",),
    sent_at: float | None = NOW - 1,
    room: bool = True,
    limited: list[object] | None = None,
) -> Any:
    """A consumer that consumes some queues, last asked at some time, and has room or not."""
    channel = SimpleNamespace(_brpop_sent_at=sent_at, qos=SimpleNamespace(can_consume=lambda: room))
    buckets = {"a": None, "b": SimpleNamespace(contents=limited or [])}
    return SimpleNamespace(
        task_consumer=SimpleNamespace(consuming_from=queues.__contains__, channel=channel),
        task_buckets=buckets,
    )


class Request:
    """A running task; a class of its own because active_requests holds weak references."""

    def __init__(self, own: float | None = None, task: float | None = None) -> None:
        self.time_limits = (own, None)
        self.task = SimpleNamespace(time_limit=task)


@pytest.fixture(autouse=True)
def clean_state() -> Iterator[None]:
    """No request of another test."""
    state.reset_state()
    yield
    state.reset_state()


def test_the_age_of_the_last_request_for_work() -> None:
    assert asked_age(consumer(sent_at=NOW - 7), ["mail"], NOW) == 7.0


def test_a_queue_without_its_consumer() -> None:
    assert asked_age(consumer(), ["mail", "sms"], NOW) == math.inf


def test_no_queue_is_wanted() -> None:
    assert asked_age(consumer(queues=()), [], NOW) is None


def test_a_broker_that_pushes() -> None:
    assert asked_age(consumer(sent_at=None), ["mail"], NOW) is None


def test_before_there_is_a_consumer() -> None:
    assert asked_age(None, ["mail"], NOW) is None


def test_no_room_because_of_work() -> None:
    state.requests["id"] = object()
    assert asked_age(consumer(room=False, sent_at=0.0), ["mail"], NOW) is None


def test_no_room_because_of_a_rate_limit() -> None:
    assert asked_age(consumer(room=False, sent_at=0.0, limited=[1]), ["mail"], NOW) is None


def test_no_room_without_a_reason() -> None:
    assert asked_age(consumer(room=False), ["mail"], NOW) == math.inf


@pytest.mark.parametrize(
    ("hub", "pool", "request_", "hold"),
    [
        pytest.param(object(), object(), Request(own=60), 0.0, id="an event loop and a pool of its own"),
        pytest.param(object(), SoloPool(), Request(own=60, task=90), 60.0, id="solo: the message's limit"),
        pytest.param(object(), SoloPool(), Request(task=90), 90.0, id="solo: the task's limit"),
        pytest.param(object(), SoloPool(), Request(), 300.0, id="solo: the worker's limit"),
        pytest.param(None, object(), Request(task=90), 90.0, id="greenlets"),
    ],
)
def test_how_long_a_task_may_hold_the_loop(hub: object, pool: object, request_: Request, hold: float) -> None:
    state.active_requests.add(request_)
    assert loop_hold(SimpleNamespace(hub=hub, pool=pool), 300.0) == hold


def test_a_task_without_a_limit_may_hold_the_loop_for_ever() -> None:
    request = Request()
    state.active_requests.add(request)
    assert loop_hold(SimpleNamespace(hub=None, pool=object()), None) == math.inf


def test_without_tasks_nothing_holds_the_loop() -> None:
    assert loop_hold(SimpleNamespace(hub=None, pool=object()), None) == 0.0
    assert loop_hold(None, None) == 0.0
