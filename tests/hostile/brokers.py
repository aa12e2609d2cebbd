# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The two brokers, as somebody who sends malformed messages meets them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import redis
from celeryops_agent.waiting import DEAD_LIST, dead_letters, queue_depths
from kombu.connection import Connection

from hostile.messages import KINDS, RAW, for_redis, good, good_of_protocol_1

PROTOCOLS = {1: good_of_protocol_1, 2: good}

#: A message that is ready to be put into a queue.
Ready = Any


class Broker(Protocol):
    """A broker that a worker consumes from."""

    url: str
    settings: Mapping[str, Any]

    def good(self, task: str, name: str, queue: str, protocol: int = 2) -> Ready:
        """A message of a task with one argument."""

    def malformed(self, task: str, name: str, queue: str) -> Mapping[str, Ready]:
        """One message of each kind."""

    def put(self, queue: str, message: Ready) -> None:
        """Put a message into a queue."""

    def kept(self) -> int:
        """How many dead letters there are."""

    def left(self, queue: str) -> int:
        """How many messages wait in a queue, or are not acknowledged."""


class OnRedis:
    """A Redis.

    :param url: of the broker.
    """

    settings: Mapping[str, Any] = {}

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = redis.Redis.from_url(url)

    def good(self, task: str, name: str, queue: str, protocol: int = 2) -> Ready:
        return for_redis(PROTOCOLS[protocol](task, [name]), queue)

    def malformed(self, task: str, name: str, queue: str) -> Mapping[str, Ready]:
        made = {kind: for_redis(change(good(task, [name])), queue) for kind, change in KINDS.items()}
        return {**made, **RAW}

    def put(self, queue: str, message: Ready) -> None:
        self._client.lpush(queue, message)

    def kept(self) -> int:
        return int(self._client.llen(DEAD_LIST))

    def left(self, queue: str) -> int:
        return int(self._client.llen(queue)) + int(self._client.hlen("unacked"))


#: Kinds that only AMQP can carry: what is a text on a Redis is made of bytes there.
BYTES: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "no JSON": lambda parts: {**parts, "body": b"this is no JSON"},
    "half of a JSON": lambda parts: {**parts, "body": b'[["x"], {'},
    "a deep JSON": lambda parts: {**parts, "body": b"[" * 100_000},
    "10 MB of no JSON": lambda parts: {**parts, "body": b"x" * 10_000_000},
    "no text": lambda parts: {**parts, "body": b"\xff\xfe\x00\x80"},
    "an empty body": lambda parts: {**parts, "body": b""},
    "no headers and no task": lambda parts: {**parts, "headers": {}},
    "neither type nor encoding": lambda parts: {
        **parts, "content-type": None, "content-encoding": None, "body": b"\xff[]",
    },
}  # fmt: skip


class OnRabbit:
    """A RabbitMQ whose queues have a dead-letter exchange, as the role broker makes them.

    :param url: of the broker.
    """

    settings: Mapping[str, Any] = {
        "task_default_queue_type": "quorum",
        "task_create_missing_queue_type": "quorum",
        "worker_detect_quorum_queues": True,
        "broker_transport_options": {"confirm_publish": True},
    }

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = Connection(url, transport_options={"confirm_publish": True})
        self._channel = self._connection.default_channel
        self._kept_before = dead_letters(self._connection)

    def good(self, task: str, name: str, queue: str, protocol: int = 2) -> Ready:
        return PROTOCOLS[protocol](task, [name])

    def malformed(self, task: str, name: str, queue: str) -> Mapping[str, Ready]:
        return {kind: change(good(task, [name])) for kind, change in {**KINDS, **BYTES}.items()}

    def put(self, queue: str, message: Ready) -> None:
        body = message["body"]
        made = self._channel.prepare_message(
            body if isinstance(body, bytes) else json.dumps(body).encode(),
            content_type=message["content-type"],
            content_encoding=message["content-encoding"],
            headers=message["headers"],
            properties={"delivery_mode": 2},
        )
        self._channel.basic_publish(made, exchange="", routing_key=queue)

    def kept(self) -> int:
        return dead_letters(self._connection) - self._kept_before

    def left(self, queue: str) -> int:
        return queue_depths(self._connection, [queue])[queue]
