# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What proves that a consumer consumes, and what excuses it. Reads Celery's and kombu's own state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from celery.worker import state

from celeryops_agent.internals import Internal

INTERNALS = (
    Internal("kombu.messaging:Consumer.consuming_from", takes=("self", "queue")),
    Internal("kombu.transport.virtual:QoS.can_consume", takes=("self",)),
    Internal("celery.worker.state:active_requests"),
    Internal("celery.worker.state:requests"),
    Internal("celery.worker.consumer.consumer:Consumer.__init__", uses=("hub", "pool", "task_buckets")),
)


def asked_age(consumer: Any, queues: Sequence[str], now: float) -> float | None:
    """Seconds since the consumer last asked the broker for work.

    :param consumer: Celery's consumer, or None before there is one.
    :param queues: what it is meant to consume.
    :param now: the monotonic time.
    :returns: infinity when it does not consume a queue that it is meant to, or takes no more without a
        reason; None when it is not known (a broker that pushes), or when it rightly does not ask.
    """
    tasks = getattr(consumer, "task_consumer", None)
    if tasks is None or not queues:
        return None
    if not all(tasks.consuming_from(queue) for queue in queues):
        return math.inf
    # Redis: a consumer that has room sends a BRPOP about once a second.
    sent_at = getattr(tasks.channel, "_brpop_sent_at", None)
    if sent_at is None:
        return None
    if tasks.channel.qos.can_consume():
        return float(now - sent_at)
    return None if _holds_messages(consumer) else math.inf


def loop_hold(consumer: Any, default_limit: float | None) -> float:
    """How long running tasks may keep the consumer's loop from turning, in seconds.

    Only where they run in its thread (solo), or where it waits for a free slot of a pool that has no
    event loop of kombu's (gevent, eventlet).

    :param default_limit: the worker's hard time limit; None for no limit.
    """
    if consumer is None or not (consumer.hub is None or _is_solo(consumer.pool)):
        return 0.0
    running = tuple(state.active_requests)
    return max((_hard_limit(request, default_limit) for request in running), default=0.0)


def _hard_limit(request: Any, default: float | None) -> float:
    """The hard time limit of a running task in seconds: its own, its task's, or the worker's."""
    own = (getattr(request, "time_limits", None) or (None, None))[0]
    return float(own or request.task.time_limit or default or math.inf)


def _holds_messages(consumer: Any) -> bool:
    """Whether it has messages that explain why it takes no more: at work, waiting, or rate limited."""
    buckets = list(consumer.task_buckets.values())
    return bool(state.requests) or any(bucket is not None and bucket.contents for bucket in buckets)


def _is_solo(pool: Any) -> bool:
    return type(pool).__module__ == "celery.concurrency.solo"
