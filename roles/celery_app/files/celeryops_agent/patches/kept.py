# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fix for messages that leave Redis in the moment in which the connection breaks."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads

from celeryops_agent.broker import bounded_connection
from celeryops_agent.internals import Internal

logger = logging.getLogger("celeryops.agent")

INTERNALS = (
    Internal("kombu.transport.redis:QoS.append", takes=("self", "message", "delivery_tag")),
    Internal("kombu.transport.redis:QoS.restore_unacked", takes=("self",)),
    Internal("kombu.transport.redis:Channel.sep"),
    Internal("kombu.transport.virtual:Channel.Message.__init__", takes=("self", "payload", "channel")),
)

#: Messages that were taken from Redis, which may not know that they are here, by delivery tag.
kept: dict[str, Any] = {}


def keep(channel: Any, key: bytes, raw: bytes) -> None:
    """Keep a message until the broker is back: the list it was in, and its text, as BRPOP told them."""
    message = channel.Message(loads(bytes_to_str(raw)), channel=channel)
    # To the queue where it was, wherever it was sent to.
    message.delivery_info = {"exchange": "", "routing_key": bytes_to_str(key).rsplit(channel.sep, 1)[0]}
    kept[message.delivery_tag] = message


def keep_unnoted(connection: Any) -> None:
    """Keep each message that cannot be noted as unacknowledged.

    kombu takes a message off its queue with one command, and notes it with a second. When the connection
    breaks between the two, the only copy is the one that kombu then drops.

    :param connection: a kombu connection; others than Redis are left alone.
    """
    if connection.transport.driver_type != "redis":
        return
    qos = connection.transport.Channel.QoS
    if hasattr(qos.append, "__wrapped__"):
        return
    append = qos.append

    def append_or_keep(self: Any, message: Any, delivery_tag: str) -> None:
        try:
            append(self, message, delivery_tag)
        except Exception:
            kept[delivery_tag] = message
            raise

    append_or_keep.__wrapped__ = append  # type: ignore[attr-defined]
    qos.append = append_or_keep


def give_back(connection: Any) -> None:
    """Put what is kept back where it was taken from, to be the next.

    Each is noted first, a second time if the first note arrived and only its answer was lost: so none is
    there twice.

    :param connection: a kombu connection that is established.
    """
    if not kept:
        return
    with connection.channel() as channel:
        for tag, message in list(kept.items()):
            channel.qos.append(message, tag)
        channel.qos.restore_unacked()
    logger.info("gave back to the broker: %s", _named())
    kept.clear()


def give_back_at_the_end(connect: Callable[..., Any]) -> None:
    """Give back what is kept by a process that ends, or say what is lost with it.

    :param connect: ``app.connection_for_read``.
    """
    if not kept:
        return
    try:
        with bounded_connection(connect) as connection:
            give_back(connection)
    except Exception as exc:
        logger.error("the broker is away, and these tasks are lost with this worker: %s (%r)", _named(), exc)


def _named() -> str:
    heads = (message.headers for message in kept.values())
    return ", ".join(f"{head.get('task')}[{head.get('id')}]" for head in heads)
