# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where messages go that no worker can run: they are named in the log, kept, and stop nothing.

RabbitMQ has its dead-letter exchange; on Redis they lie in a list of their own, the newest first.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any, cast

from celeryops_agent.internals import Internal
from celeryops_agent.unreadable import UNREADABLE, why_unreadable
from celeryops_agent.waiting import DEAD_LIST

CONSUMER = "celery.worker.consumer.consumer:Consumer"
INTERNALS = (
    Internal("kombu.transport.redis:loads"),
    Internal("kombu.transport.redis:Channel._brpop_read", uses=("loads", "_deliver")),
    Internal("kombu.transport.virtual.base:Transport._deliver", takes=("self", "message", "queue")),
    Internal("kombu.transport.virtual.base:Channel.codecs"),
    Internal("kombu.transport.virtual.base:Message.__init__", uses=("_raw",)),
    Internal(f"{CONSUMER}.create_task_handler", takes=("self",)),
    Internal(f"{CONSUMER}.on_unknown_message", takes=("self", "body", "message")),
    Internal(f"{CONSUMER}.on_unknown_task", takes=("self", "body", "message", "exc")),
    Internal(f"{CONSUMER}.on_invalid_task", takes=("self", "body", "message", "exc")),
    Internal(f"{CONSUMER}.on_decode_error", takes=("self", "message", "exc")),
)

logger = logging.getLogger("celeryops.agent")

#: The most messages that the list on Redis holds, and the most bytes of each.
MOST = 1000
MOST_BYTES = 1024 * 1024

#: Bytes of a message that the log shows.
SHOWN = 200

#: Where a message tells how often it came back: a property on Redis, a header that RabbitMQ adds.
COUNT = "x-delivery-count"


class _Unread(str):
    """Text that Redis held in a queue, and that is no JSON."""


def guard_transport(driver: str) -> None:
    """Let kombu hand over what it cannot read as a message, rather than end the worker and lose it.

    It parses what it has taken from Redis already: an exception there loses it.

    :param driver: of the broker's transport; others than Redis hand over every body as it is.
    """
    if driver != "redis":
        return
    from kombu.transport import redis as kombu_redis  # noqa: PLC0415 - a fleet on RabbitMQ may not have it

    module, transport = cast(Any, kombu_redis), cast(Any, kombu_redis.Transport)
    if hasattr(transport._deliver, "__wrapped__"):
        return
    loads, deliver = module.loads, transport._deliver

    def loads_or_text(text: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return loads(text, *args, **kwargs)
        except (ValueError, RecursionError):
            return _Unread(text)

    def deliver_whatever(self: Any, message: Any, queue: str) -> Any:
        why = _why_no_message(self, message)
        return deliver(self, _wrapped(message, queue, why) if why else message, queue)

    deliver_whatever.__wrapped__ = deliver  # type: ignore[attr-defined]
    module.loads = loads_or_text
    transport._deliver = deliver_whatever


def _why_no_message(transport: Any, message: Any) -> str:
    """Return why kombu could not make a message of what it took from a queue; empty when it can."""
    if isinstance(message, _Unread):
        return "it is no JSON"
    properties = message.get("properties") if isinstance(message, Mapping) else None
    if not isinstance(properties, Mapping) or not isinstance(properties.get("delivery_tag"), str):
        return "it is no message: without properties and a delivery tag"
    if not isinstance(properties.get("delivery_info"), Mapping):
        return "it does not tell where it was sent"
    if not isinstance(message.get("headers"), Mapping | None):
        return "its headers are no mapping"
    body = message.get("body")
    if not isinstance(body, str | None):
        return "its body is no text"
    encoding = properties.get("body_encoding")
    try:
        if body and encoding:
            transport.Channel.codecs[encoding].decode(body)
    except Exception as exc:
        return f"its body cannot be decoded: {type(exc).__name__}: {exc}"
    return ""


def _wrapped(raw: Any, queue: str, why: str) -> dict[str, Any]:
    """Return a message that kombu can read, with what it could not read as its body."""
    return {
        "body": str(raw) if isinstance(raw, str) else json.dumps(raw),
        "content-type": UNREADABLE,
        "content-encoding": "utf-8",
        "headers": {"why": why},
        "properties": {
            "delivery_tag": str(uuid.uuid4()),
            "delivery_info": {"exchange": "", "routing_key": queue},
        },
    }


def handler(consumer: Any, handle: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return a handler of messages that no message can break.

    :param consumer: Celery's consumer.
    :param handle: the consumer's own handler.
    """

    def handle_or_bury(message: Any) -> Any:
        why = why_unreadable(message)
        if why:
            return bury(consumer, message, why)
        try:
            return handle(message)
        except Exception as exc:
            if isinstance(exc, consumer.connection_errors + consumer.channel_errors):
                raise  # the broker's fault, not the message's
            return bury(consumer, message, f"{type(exc).__name__}: {exc}")

    return handle_or_bury


def bury(consumer: Any, message: Any, why: str) -> None:
    """Name a message in the log, keep it as a dead letter, and take it off its queue.

    It is taken off only once it is kept: who is interrupted in between has it twice rather than not at all.
    """
    tell_and_keep(message, why)
    if not message.acknowledged:
        message.reject_log_error(logger, consumer.connection_errors)


def tell_and_keep(message: Any, why: str) -> None:
    """Name a message in the log; on Redis keep it in the list of dead letters."""
    headers = message.headers if isinstance(message.headers, Mapping) else {}
    delivery = message.delivery_info if isinstance(message.delivery_info, Mapping) else {}
    queue = delivery.get("routing_key", "")
    body = message.body if isinstance(message.body, str | bytes) else repr(message.body)
    logger.error(
        "a message of %s becomes a dead letter: %s; id %.100r, task %.100r, type %.100r, begins %r",
        queue or "an unknown queue", why[:SHOWN], headers.get("id"), headers.get("task"),
        message.content_type, body[:SHOWN],
    )  # fmt: skip
    channel = message.channel
    if getattr(channel.connection, "driver_type", "") == "redis":
        _keep(channel, queue, why, message)


def _keep(channel: Any, queue: str, why: str, message: Any) -> None:
    # Who is sent again begins anew.
    properties = {name: value for name, value in message._raw["properties"].items() if name != COUNT}
    raw = json.dumps({**message._raw, "properties": properties}, default=repr)
    letter = {
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "queue": queue,
        "why": why[:SHOWN],
        "bytes": len(raw),
        "message": raw[:MOST_BYTES],
    }
    with channel.conn_or_acquire() as client:
        number = client.lpush(DEAD_LIST, json.dumps(letter))
        # Commands that workers may use anyway; the bound holds as soon as the next one comes.
        for _oldest in range(min(number - MOST, MOST)):
            client.rpop(DEAD_LIST)
