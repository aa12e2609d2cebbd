# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How the agent reads how often a message came back, and when it lets such a message run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from celeryops_agent import deliveries
from celeryops_agent.dead_letters import COUNT
from celeryops_agent.deliveries import SUSPECT, count_return, patient, returns
from hypothesis import given
from hypothesis import strategies as st

ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers())


def message(times: Any = None, channel: object = None, **parts: Any) -> Any:
    """A message as kombu's Redis transport hands it over."""
    properties = {} if times is None else {COUNT: times}
    whole = {"properties": properties, "headers": {}, "delivery_info": {}, "channel": channel, **parts}
    return SimpleNamespace(acknowledged=False, **whole)


@pytest.mark.parametrize(
    ("properties", "headers", "again", "expected"),
    [
        ({}, {}, False, 0),
        ({COUNT: 3}, {}, True, 3),
        ({}, {COUNT: 4}, True, 4),  # a quorum queue of RabbitMQ
        ({}, {COUNT: 4}, False, 0),  # carried along by a retry of the task
        ({}, {}, True, 0),  # a classic queue does not count
        ({COUNT: "many"}, {}, True, 0),
        ({COUNT: -1}, {}, True, 0),
    ],
)
def test_how_often_it_came_back(
    properties: dict[str, Any], headers: dict[str, Any], again: bool, expected: int
) -> None:
    delivery = {"redelivered": again}
    assert returns(message(properties=properties, headers=headers, delivery_info=delivery)) == expected


@given(ANYTHING | st.dictionaries(st.just(COUNT), ANYTHING), ANYTHING, ANYTHING)
def test_whatever_it_holds_is_a_number(properties: Any, headers: Any, delivery: Any) -> None:
    assert returns(message(properties=properties, headers=headers, delivery_info=delivery)) >= 0
    payload = {"properties": properties, "headers": headers}
    count_return(payload)
    count_return(properties)


def test_each_return_counts() -> None:
    payload: dict[str, Any] = {"properties": {"delivery_tag": "t"}}
    for _time in range(3):
        count_return(payload)
    assert payload["properties"] == {"delivery_tag": "t", COUNT: 3}


def connected(driver: str) -> Any:
    """A connection by this kind of transport."""
    return SimpleNamespace(transport=SimpleNamespace(driver_type=driver))


class Consumer:
    """Celery's, as far as the handler looks at it: the test tells when the timer rings."""

    def __init__(self) -> None:
        self.channel: Any = SimpleNamespace()
        self.task_consumer: Any = SimpleNamespace(channel=self.channel, connection=connected("redis"))
        self.more_room = 0
        self.waiting: list[Any] = []
        self.timer = SimpleNamespace(call_after=lambda _secs, run, args: self.waiting.append((run, args)))
        self.qos = SimpleNamespace(
            increment_eventually=lambda: self._room(1), decrement_eventually=lambda: self._room(-1)
        )

    def _room(self, more: int) -> None:
        self.more_room += more

    def ring(self) -> None:
        waiting, self.waiting = self.waiting, []
        for run, args in waiting:
            run(*args)


def test_the_first_delivery_runs_at_once_and_the_next_one_waits_outside_the_prefetch() -> None:
    consumer = Consumer()
    ran: list[Any] = []
    take = patient(consumer, ran.append, most=20)
    first, again = message(channel=consumer.channel), message(1, consumer.channel)
    take(first)
    take(again)
    assert (ran, consumer.more_room) == ([first], 1)
    consumer.ring()
    assert (ran, consumer.more_room) == ([first, again], 0)


def test_of_those_that_came_back_time_and_again_one_runs_at_a_time() -> None:
    consumer = Consumer()
    ran: list[Any] = []
    take = patient(consumer, ran.append, most=20)
    suspects = [message(SUSPECT, consumer.channel), message(SUSPECT + 1, consumer.channel)]
    for each in suspects:
        take(each)
    consumer.ring()
    consumer.ring()
    assert (ran, consumer.more_room) == (suspects[:1], 1)
    suspects[0].acknowledged = True
    consumer.ring()
    assert (ran, consumer.more_room) == (suspects, 0)


def test_who_waited_when_the_connection_broke_is_left_to_the_broker() -> None:
    consumer = Consumer()
    ran: list[Any] = []
    patient(consumer, ran.append, most=20)(message(1, consumer.channel))
    consumer.task_consumer = SimpleNamespace(channel=SimpleNamespace(), connection=connected("redis"))
    consumer.ring()
    assert not ran


def test_the_bound_and_none(monkeypatch: pytest.MonkeyPatch) -> None:
    given_up: list[Any] = []
    monkeypatch.setattr(deliveries, "give_up", lambda _consumer, one, times: given_up.append((one, times)))
    consumer = Consumer()
    ran: list[Any] = []
    last, over = message(19, consumer.channel), message(20, consumer.channel)
    take = patient(consumer, ran.append, most=20)
    take(last)
    take(over)
    assert given_up == [(over, 20)]
    patient(consumer, ran.append, most=0)(over)
    consumer.ring()
    assert ran == [last, over]


class Queue:
    """Of a RabbitMQ: it keeps what it is told."""

    name = "mail"

    def __init__(self) -> None:
        self.told: list[str] = []

    def consume(self, tag: str, _callback: Any, **_how: Any) -> None:
        self.told.append(f"consume {tag}")

    def basic_cancel(self, tag: str, **_how: Any) -> None:
        self.told.append(f"cancel {tag}")


def on_rabbitmq(consumer: Consumer, queue: Queue) -> None:
    """Give it a connection to a RabbitMQ."""
    consumer.channel = SimpleNamespace(basic_cancel=queue.basic_cancel)
    consumer.task_consumer = SimpleNamespace(
        channel=consumer.channel,
        connection=connected("amqp"),
        queues=[queue],
        _receive_callback=lambda _message: None,
    )


def test_on_rabbitmq_it_consumes_a_second_time_while_some_wait() -> None:
    consumer, queue = Consumer(), Queue()
    on_rabbitmq(consumer, queue)
    take = patient(consumer, lambda _message: None, most=20)
    for _message in range(2):
        take(message(properties={COUNT: 1}, channel=consumer.channel))
    assert queue.told == ["consume celeryops-beside-mail"]
    consumer.ring()
    assert queue.told == ["consume celeryops-beside-mail", "cancel celeryops-beside-mail"]


def test_what_waited_on_a_connection_that_is_gone_keeps_no_consumer() -> None:
    consumer, queue, new = Consumer(), Queue(), Queue()
    on_rabbitmq(consumer, queue)
    take = patient(consumer, lambda _message: None, most=20)
    take(message(1, consumer.channel))
    on_rabbitmq(consumer, new)
    consumer.ring()
    take(message(1, consumer.channel))
    consumer.ring()
    assert new.told == ["consume celeryops-beside-mail", "cancel celeryops-beside-mail"]
