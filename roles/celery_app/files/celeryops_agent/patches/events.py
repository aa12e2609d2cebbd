# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fix for a worker that stops while its broker is away, applied from outside."""

from __future__ import annotations

from functools import wraps
from typing import Any

from celery.events.dispatcher import EventDispatcher

from celeryops_agent.internals import Internal

INTERNALS = (
    Internal(
        "celery.events.dispatcher:EventDispatcher._publish",
        takes=("self", "event", "producer", "routing_key", "retry", "retry_policy"),
    ),
)

#: How kombu tries again to send an event: once, after a fifth of a second.
BRIEFLY = {"max_retries": 1, "interval_start": 0.2, "interval_step": 0.0, "interval_max": 0.2}


def give_up_soon() -> None:
    """Let an event that the broker does not take wait in the buffer, as Celery does with most of them.

    A heartbeat alone is tried again without end, and what tries holds the lock that a stop waits for: in a
    pool of greenlets or threads a stop then lasts until it is killed.
    """
    publish: Any = EventDispatcher._publish
    if hasattr(publish, "__wrapped__"):
        return

    @wraps(publish)
    def publish_briefly(self: Any, *args: Any, retry_policy: Any = None, **kwargs: Any) -> Any:
        return publish(self, *args, retry_policy=retry_policy or BRIEFLY, **kwargs)

    EventDispatcher._publish = publish_briefly  # type: ignore[method-assign]
