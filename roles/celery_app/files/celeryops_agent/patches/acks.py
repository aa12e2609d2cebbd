# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fix for acknowledgements that Redis did not get because the connection broke."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from celeryops_agent.broker import bounded_connection
from celeryops_agent.internals import Internal

logger = logging.getLogger("celeryops.agent")

INTERNALS = (
    Internal("kombu.transport.redis:QoS.ack", takes=("self", "delivery_tag")),
    Internal("kombu.transport.virtual:QoS.__init__", uses=("_delivered", "_dirty", "_quick_ack")),
)

#: The delivery tags that are still to be acknowledged.
owed: set[str] = set()


def owe_failed(connection: Any) -> None:
    """Acknowledge later what cannot be acknowledged now.

    Celery logs "Couldn't ack" and goes on. The message stays unacknowledged, also that of a task that is
    acknowledged before it runs: it comes back, and runs a second time.

    :param connection: a kombu connection; others than Redis are left alone.
    """
    if connection.transport.driver_type != "redis":
        return
    qos = connection.transport.Channel.QoS
    if hasattr(qos.ack, "__wrapped__"):
        return
    ack = qos.ack

    @wraps(ack)
    def ack_or_owe(self: Any, delivery_tag: str) -> None:
        # First, so that kombu does not put it back if another thread closes the channel meanwhile.
        self._quick_ack(delivery_tag)
        try:
            try:
                ack(self, delivery_tag)
            except Exception:
                ack(self, delivery_tag)  # often only one connection of the pool is broken
        except Exception as exc:  # eventlet's is a ValueError: a file that another greenlet closed
            owed.add(delivery_tag)
            logger.warning("will acknowledge %s when the broker is back: %r", delivery_tag, exc)
        finally:
            if delivery_tag not in self._delivered:  # kombu counted it off, and must not twice
                self._dirty.discard(delivery_tag)

    qos.ack = ack_or_owe


def send_owed(connection: Any) -> None:
    """Acknowledge what could not be acknowledged before.

    :param connection: a kombu connection that is established.
    """
    if not owed:
        return
    with connection.channel() as channel:
        tags = list(owed)
        owed.difference_update(tags)  # one that fails again is noted again
        for tag in tags:
            channel.qos.ack(tag)
    logger.info("acknowledged after the broker came back: %d", len(tags) - len(owed.intersection(tags)))


def send_owed_at_the_end(connect: Callable[..., Any]) -> None:
    """Acknowledge what a process that ends owes, or say what comes back.

    :param connect: ``app.connection_for_read``.
    """
    if not owed:
        return
    try:
        with bounded_connection(connect) as connection:
            send_owed(connection)
    except Exception as exc:
        tags = ", ".join(sorted(owed))
        logger.error("the broker is away, and what was delivered as %s comes back: %r", tags, exc)
