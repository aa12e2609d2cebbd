# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How often a message came back unfinished, and what is done with one that does so time and again.

A task that ends the process that runs it is delivered again and, with threads, gevent or solo, ends the next
main process. It is waited with, so that its neighbours run meanwhile, and after so many deliveries it is a
dead letter. RabbitMQ's quorum queues count by themselves; on Redis the message carries its number.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from typing import Any, cast

from celery.app.task import Context
from celery.exceptions import WorkerLostError

from celeryops_agent.beside import Room
from celeryops_agent.dead_letters import COUNT, bury
from celeryops_agent.internals import Internal

CONSUMER = "celery.worker.consumer.consumer:Consumer"
INTERNALS = (
    Internal("kombu.transport.redis:QoS.restore_unacked", takes=("self",)),
    Internal("kombu.transport.redis:Channel._do_restore_message", takes=("self", "payload")),
    Internal("kombu.common:QoS.increment_eventually", takes=("self",)),
    Internal("kombu.common:QoS.decrement_eventually", takes=("self",)),
    Internal("kombu.asynchronous.timer:Timer.call_after", takes=("self", "secs", "fun", "args")),
    Internal("celery.backends.base:Backend.mark_as_failure", takes=("self", "task_id", "exc")),
    Internal(f"{CONSUMER}.apply_eta_task", uses=("qos", "decrement_eventually")),
)

logger = logging.getLogger("celeryops.agent")

#: Deliveries of a message when nobody says otherwise; as many as a quorum queue of RabbitMQ 4 allows.
DELIVERIES = 20

#: Seconds that a message waits which came back: the least and the most. By chance, so that of two which
#: came back together not always the same one is the first.
LEAST_PAUSE, MOST_PAUSE = 1.0, 5.0

#: Who came back so often runs while no other such runs here: one of them ends the process, the others
#: were only beside it, and must get to their end.
SUSPECT = 3


def count_returns(driver: str) -> None:
    """Let a message that goes back to its queue on Redis carry how often it did.

    What its own worker gives back when it stops does not count: that is no fault of the task's.

    :param driver: of the broker's transport; others than Redis are left alone.
    """
    if driver != "redis":
        return
    from kombu.transport import redis as kombu_redis  # noqa: PLC0415 - a fleet on RabbitMQ may not have it

    qos, channel = cast(Any, kombu_redis.QoS), cast(Any, kombu_redis.Channel)
    if hasattr(qos.restore_unacked, "__wrapped__"):
        return
    restore_unacked, restore = qos.restore_unacked, channel._do_restore_message

    def restore_uncounted(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.channel.gives_back = True
        try:
            return restore_unacked(self, *args, **kwargs)
        finally:
            self.channel.gives_back = False

    def restore_and_count(self: Any, payload: Any, *args: Any, **kwargs: Any) -> None:
        if not getattr(self, "gives_back", False):
            count_return(payload)
        restore(self, payload, *args, **kwargs)

    restore_uncounted.__wrapped__ = restore_unacked  # type: ignore[attr-defined]
    qos.restore_unacked = restore_uncounted
    channel._do_restore_message = restore_and_count


def count_return(payload: Any) -> None:
    """Note in a message of kombu's Redis transport that it came back once more.

    Among its properties: Celery copies headers into the next message of a task that is tried again.

    :param payload: the message as it lies in a queue, read from its JSON.
    """
    properties = payload.get("properties") if isinstance(payload, dict) else None
    if isinstance(properties, dict):
        properties[COUNT] = _number(properties.get(COUNT)) + 1


def returns(message: Any) -> int:
    """How often a message came back to its queue unfinished; 0 where the broker does not count.

    :param message: a kombu message, of whatever shape.
    """
    properties, headers, delivery = (
        part if isinstance(part, Mapping) else {}
        for part in (message.properties, message.headers, message.delivery_info)
    )
    if COUNT in properties:
        return _number(properties[COUNT])
    # RabbitMQ adds the header when it delivers again; in a first delivery it is a leftover of a retry.
    return _number(headers.get(COUNT)) if delivery.get("redelivered") is True else 0


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def patient(consumer: Any, handle: Callable[[Any], Any], most: int) -> Callable[[Any], Any]:
    """Return a handler that waits with what came back, and gives up what came back too often.

    :param consumer: Celery's consumer.
    :param handle: handles a message.
    :param most: deliveries of a message; 0 for no bound.
    """
    at_work: list[Any] = []
    room = Room()

    def take(message: Any) -> None:
        times = returns(message)
        if not times:
            handle(message)
        elif most and times >= most:
            give_up(consumer, message, times)
        else:
            # Its neighbours need not wait for it, as with a task that is to run later.
            consumer.qos.increment_eventually()
            room.open(consumer.task_consumer)
            _later(consumer, run, message, times)

    def run(message: Any, times: int) -> None:
        tasks = consumer.task_consumer
        if tasks is None or message.channel is not tasks.channel:
            return  # of a connection that is gone: the broker delivers it anew
        at_work[:] = [one for one in at_work if not one.acknowledged]
        if times >= SUSPECT:
            if at_work:
                _later(consumer, run, message, times)
                return
            at_work.append(message)
        room.close(tasks)
        handle(message)
        consumer.qos.decrement_eventually()

    return take


def _later(consumer: Any, run: Callable[..., None], *args: Any) -> None:
    consumer.timer.call_after(random.uniform(LEAST_PAUSE, MOST_PAUSE), run, args)


def give_up(consumer: Any, message: Any, times: int) -> None:
    """Make a dead letter of a message that came back too often, and tell who waits for its result."""
    why = f"it was delivered {times} times and came back unfinished: whatever ran it died"
    bury(consumer, message, why)
    try:
        _args, _kwargs, embed = message.payload
        request = Context({**message.headers, **(embed or {})})
        stored = not message.headers.get("ignore_result")
        consumer.app.backend.mark_as_failure(
            message.headers["id"], WorkerLostError(why), request=request, store_result=stored
        )
    except Exception as exc:
        logger.error("nobody is told that this task failed: %r", exc)
