# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Delayed delivery is set up once in a cluster of RabbitMQ, through a node that answers."""

from __future__ import annotations

from typing import Any

from celeryops_agent.broker import bounded_connection
from celeryops_agent.internals import Internal

DELAYED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"

INTERNALS = (
    Internal(f"{DELAYED}._setup_delayed_delivery", takes=("self", "c", "broker_url"), optional=True),
    Internal(f"{DELAYED}._bind_queues", takes=("self", "app", "connection"), optional=True),
)


def set_up_once() -> None:
    """Fix celery 5.7: it sets up every URL of a cluster, and tries a dead node for 45 s before it consumes.

    The nodes of a cluster share exchanges, queues and bindings, so one of them is enough.
    """
    try:
        from celery.worker.consumer.delayed_delivery import DelayedDelivery  # noqa: PLC0415 - an older one is refused in words
    except ImportError:
        return
    DelayedDelivery._setup_delayed_delivery = _set_up  # type: ignore[method-assign,assignment]


def _set_up(self: Any, c: Any, _broker_url: str) -> None:
    from kombu.transport.native_delayed_delivery import (  # noqa: PLC0415 - as above
        declare_native_delayed_delivery_exchanges_and_queues,
    )

    if getattr(self, "_set_up_for", None) is c.connection:
        return
    with bounded_connection(c.app.connection_for_write) as connection:
        queue_type = c.app.conf.broker_native_delayed_delivery_queue_type
        declare_native_delayed_delivery_exchanges_and_queues(connection, queue_type)
        self._bind_queues(c.app, connection)
    self._set_up_for = c.connection
