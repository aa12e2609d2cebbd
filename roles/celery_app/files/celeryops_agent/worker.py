# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent inside a worker: it witnesses the consumer's loop, and mends how it reconnects."""

from __future__ import annotations

import math
from functools import partial
from time import monotonic
from typing import Any

from celery import bootsteps, signals
from celery.utils.imports import symbol_by_name
from celery.worker import state as worker_state

from celeryops_agent.broker import broker_answers
from celeryops_agent.redis_patch import forget_pending_reads
from celeryops_agent.reporter import Life
from celeryops_agent.watchdog import View

#: Seconds between attempts to reach a broker that is away: the first, and the most. Celery's own go
#: up to 30 s, and a fleet would idle that long after the broker is back.
RETRY_FIRST, RETRY_MOST = 1.0, 4.0

#: Seconds between two turns of the loop that the witness asks for.
BEAT = 1.0


class Worker:
    """What the agent knows of a worker.

    :param controller: the worker, before its boot steps are built.
    """

    def __init__(self, controller: Any) -> None:
        self.life = Life()
        self.turned_at = monotonic()
        self._announced = False
        self._controller = controller
        self._app = controller.app

    def install(self) -> None:
        """Add the witness to the boot steps, and hear of readiness and stops."""
        self._sign_connections()
        self._app.steps["consumer"].add(witness_of(self))
        self._controller.consumer_cls = reconnecting(symbol_by_name(self._controller.consumer_cls))
        self._controller.wait_for_soft_shutdown = self._before(self._controller.wait_for_soft_shutdown)
        signals.worker_ready.connect(self._on_ready, weak=False)
        signals.worker_shutting_down.connect(self._on_shutting_down, weak=False)

    def _sign_connections(self) -> None:
        """Let CLIENT LIST of Redis show which worker holds a connection."""
        if self._controller._conninfo.transport.driver_type == "redis":
            options = self._app.conf.broker_transport_options or {}
            self._app.conf.broker_transport_options = {"client_name": self._controller.hostname, **options}

    def turn(self) -> None:
        """Stamp that the consumer's loop turned."""
        self.turned_at = monotonic()
        if self._announced:
            self.life.is_ready()

    def look(self) -> View:
        """Tell what the worker does at this moment."""
        if worker_state.should_stop is not None or worker_state.should_terminate is not None:
            self.life.is_stopping()  # `celery control shutdown` sends no signal
        now = monotonic()
        consumer = getattr(self._controller, "consumer", None)
        active = len(worker_state.active_requests)
        if self._announced and active:
            self.life.is_ready()  # in a solo pool the first task may come before the first turn
        since = self.life.stopping_since
        return View(
            phase=self.life.phase,
            work=f"consuming {' and '.join(self._queues()) or 'nothing, as told'}, {active} active",
            active=active,
            connected=getattr(consumer, "connection", None) is not None,
            loop_age=now - self.turned_at,
            asked_age=asked_age(consumer, self._queues(), now),
            hold=self._hold(consumer),
            stopping_for=0.0 if since is None else now - since,
        )

    def broker_answers(self) -> bool:
        """Whether the broker would serve this worker now."""
        return broker_answers(self._app)

    def _queues(self) -> list[str]:
        return list(self._app.amqp.queues.consume_from)

    def _hold(self, consumer: Any) -> float:
        """How long running tasks may keep the loop from turning, in seconds.

        Only where they run in its thread (solo), or where it waits for a free slot in a pool without
        an event loop (gevent, eventlet).
        """
        if consumer is None or not (consumer.hub is None or _is_solo(consumer.pool)):
            return 0.0
        default = getattr(self._controller, "time_limit", None)
        running = tuple(worker_state.active_requests)
        return max((hard_limit(request, default) for request in running), default=0.0)

    def _on_ready(self, **_: Any) -> None:
        # Celery says so before its loop turned once; the next turn proves it.
        self._announced = True

    def _on_shutting_down(self, **_: Any) -> None:
        self.life.is_stopping()

    def _before(self, wait: Any) -> Any:
        """Tell of the stop before the soft shutdown, which sleeps in the signal's handler."""

        def wait_for_soft_shutdown() -> None:
            self.life.is_stopping()
            wait()

        return wait_for_soft_shutdown


def witness_of(worker: Worker) -> type:
    """A boot step that stamps each turn of the consumer's loop, anew for each connection."""

    class Witness(bootsteps.StartStopStep):
        requires = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, c: Any) -> None:
            if c.hub is None:
                # The loop of gevent and eventlet calls this once a turn; their timers turn without it.
                c.perform_pending_operations = _stamped(worker, type(c).perform_pending_operations, c)

        def register_with_event_loop(self, c: Any, hub: Any) -> None:
            hub.call_soon(worker.turn)
            hub.call_repeatedly(BEAT, worker.turn)

    return Witness


def _stamped(worker: Worker, perform: Any, consumer: Any) -> Any:
    def perform_pending_operations() -> None:
        worker.turn()
        perform(consumer)

    return perform_pending_operations


def reconnecting(base: type) -> type:
    """A consumer that comes back to a broker soon after the broker does."""

    class Consumer(base):  # type: ignore[misc,valid-type]
        def ensure_connected(self, conn: Any) -> Any:
            conn.ensure_connection = partial(
                conn.ensure_connection,
                interval_start=RETRY_FIRST, interval_step=RETRY_FIRST, interval_max=RETRY_MOST,
            )
            return super().ensure_connected(conn)

        def on_connection_error_after_connected(self, exc: Exception) -> None:
            forget_pending_reads(self.connection)
            super().on_connection_error_after_connected(exc)

    return Consumer


def asked_age(consumer: Any, queues: list[str], now: float) -> float | None:
    """Seconds since the consumer last asked the broker for work.

    :param consumer: Celery's consumer, or None before there is one.
    :param queues: what it is meant to consume.
    :param now: the monotonic time.
    :returns: infinity when it consumes a queue less than it is meant to; None when it is not known
        (a broker that pushes, a kombu before 5.7), or when it rightly does not ask.
    """
    tasks = getattr(consumer, "task_consumer", None)
    if tasks is None or not queues:
        return None
    if not all(tasks.consuming_from(queue) for queue in queues):
        return math.inf
    sent_at = getattr(tasks.channel, "_brpop_sent_at", None)
    if sent_at is None:
        return None
    if tasks.channel.qos.can_consume():
        return float(now - sent_at)
    return None if holds_work(consumer) else math.inf


def holds_work(consumer: Any) -> bool:
    """Whether the consumer has messages that explain why it takes no more."""
    return bool(worker_state.requests) or any(
        bucket is not None and bucket.contents for bucket in list(consumer.task_buckets.values())
    )


def hard_limit(request: Any, default: float | None) -> float:
    """The hard time limit of a running task in seconds: its own, its task's, or the worker's."""
    own = (getattr(request, "time_limits", None) or (None, None))[0]
    return float(own or request.task.time_limit or default or math.inf)


def _is_solo(pool: Any) -> bool:
    return type(pool).__module__ == "celery.concurrency.solo"
