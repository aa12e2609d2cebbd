# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent inside a worker: it witnesses the consumer's loop, and hastens its way back to the broker."""

from __future__ import annotations

import math
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from celery import signals
from celery.bootsteps import CLOSE, TERMINATE, StartStopStep
from celery.utils.imports import symbol_by_name
from celery.worker import state
from celery.worker.control import inspect_command

from celeryops_agent.broker import broker_answers
from celeryops_agent.consumption import asked_age, loop_hold
from celeryops_agent.dead_letters import bury, guard_transport, handler, tell_and_keep
from celeryops_agent.deliveries import DELIVERIES, count_returns, patient
from celeryops_agent.internals import Internal
from celeryops_agent.patches.acks import owe_failed, send_owed, send_owed_at_the_end
from celeryops_agent.patches.delayed import set_up_once
from celeryops_agent.patches.events import give_up_soon
from celeryops_agent.patches.kept import give_back, give_back_at_the_end, keep_unnoted
from celeryops_agent.patches.prefork import keep_handed_over
from celeryops_agent.patches.redis import (
    drop_overdue_reads,
    drop_stale_together,
    settle_pending_reads,
    stamp_reads,
)
from celeryops_agent.patches.slot import answer_always
from celeryops_agent.report import COMMAND
from celeryops_agent.reporter import Life
from celeryops_agent.settings import lay_over
from celeryops_agent.watchdog import STALE, View

#: Seconds between attempts to reach a broker that is away: the first and its growth, and the most.
#: Celery's own go up to 30 s, and a fleet would idle that long after the broker is back.
RETRY_STEP, RETRY_MOST = 1.0, 4.0

#: Seconds between two turns of the loop that the witness asks for.
BEAT = 1.0

KIB, MIB = 1024, 1024 * 1024

CONSUMER = "celery.worker.consumer.consumer:Consumer"

INTERNALS = (
    Internal("celery.worker.worker:WorkController.setup_instance", uses=("pool_cls", "worker_init")),
    Internal("celery.worker.worker:WorkController.wait_for_soft_shutdown", takes=("self",)),
    Internal("celery.worker.components:Consumer.create", uses=("consumer_cls",)),
    Internal("celery.worker.state:all_total_count"),
    Internal(f"{CONSUMER}.perform_pending_operations", takes=("self",)),
    Internal(f"{CONSUMER}.ensure_connected", takes=("self", "conn"), uses=("ensure_connection",)),
    Internal(f"{CONSUMER}.on_connection_error_after_connected", takes=("self", "exc")),
)


class Worker:
    """What the agent knows of a worker.

    :param controller: the worker, before its boot steps are built.
    :param max_deliveries: of one message; 0 for no bound.
    """

    def __init__(self, controller: Any, max_deliveries: int = DELIVERIES) -> None:
        self.life = Life()
        self._max_deliveries = max_deliveries
        self._controller = controller
        self._app = controller.app
        self._turned_at = self._asked_at = monotonic()
        self._announced = False
        self._most_active = 0
        self._ready_bytes = 0

    def install(self) -> None:
        """Add the witness to the boot steps, and hear of readiness and stops."""
        controller = self._controller
        if "prefork" in str(controller.pool_cls):
            keep_handed_over()
        set_up_once()
        give_up_soon()
        self._sign_connections()
        driver = self._app.connection_for_read().transport.driver_type
        guard_transport(driver)
        count_returns(driver)
        self._app.steps["consumer"].add(_witness(self.turn))
        controller.consumer_cls = _reconnecting(symbol_by_name(controller.consumer_cls), self._max_deliveries)
        # The soft shutdown sleeps in the signal's handler, before Celery tells anybody of the stop.
        controller.wait_for_soft_shutdown = _after(self.life.is_stopping, controller.wait_for_soft_shutdown)
        signals.worker_ready.connect(self._on_ready, weak=False)
        signals.worker_shutting_down.connect(self._on_shutting_down, weak=False)
        signals.worker_shutdown.connect(self._on_shutdown, weak=False)
        inspect_command(name=COMMAND)(self._answer)

    def turn(self) -> None:
        """Stamp that the consumer's loop turned."""
        self._turned_at = monotonic()
        if self._announced:
            self.life.is_ready()

    def look(self) -> View:
        """Tell what the worker does at this moment."""
        if getattr(self._controller.blueprint, "state", None) in (CLOSE, TERMINATE):
            self.life.is_stopping()  # `celery control shutdown` tells nobody
        now = monotonic()
        consumer = getattr(self._controller, "consumer", None)
        queues = self._queues()
        active = len(state.active_requests)
        self._most_active = max(self._most_active, active)
        if self._announced and active:
            self.life.is_ready()  # in a solo pool the first task may come before the first turn
        asked = asked_age(consumer, queues, now)
        # It consumes nothing while it reconnects: what counts is since when.
        self._asked_at = self._asked_at if asked == math.inf else now - (asked or 0.0)
        loop_age = now - self._turned_at
        since = self.life.stopping_since
        return View(
            phase=self.life.phase,
            work=f"consuming {' and '.join(queues) or 'nothing, as told'}, {active} active",
            active=active,
            connected=getattr(consumer, "connection", None) is not None,
            loop_age=loop_age,
            asked_age=None if asked is None else now - self._asked_at,
            hold=loop_hold(consumer, self._controller.time_limit) if loop_age > STALE else 0.0,
            stopping_for=0.0 if since is None else now - since,
        )

    def broker_answers(self) -> bool:
        """Whether the broker would serve this worker now."""
        return broker_answers(self._app.connection_for_read)

    def _queues(self) -> list[str]:
        return list(self._app.amqp.queues.consume_from)

    def _sign_connections(self) -> None:
        """Let Redis' CLIENT LIST show which worker holds a connection."""
        if self._app.connection_for_read().transport.driver_type == "redis":
            options = self._app.conf.broker_transport_options or {}
            signed = {"client_name": self._controller.hostname, **options}
            lay_over(self._app.conf, {"broker_transport_options": signed})

    def _on_ready(self, **_: Any) -> None:
        # Celery says so before its loop turned once; the next turn proves it.
        self._announced = True
        # What the app takes before its first task; later nobody can tell the two apart.
        self._ready_bytes = _resident_bytes()

    def _on_shutting_down(self, **_: Any) -> None:
        self.life.is_stopping()

    def _on_shutdown(self, **_: Any) -> None:
        give_back_at_the_end(self._app.connection_for_read)
        send_owed_at_the_end(self._app.connection_for_read)

    def _answer(self, panel: Any, **_: Any) -> dict[str, Any]:
        """Figures of this worker, for ``python -m celeryops_agent.report``.

        ``most_active`` is the most tasks that ran at once, as seen every second; ``child_peak_mb`` the
        largest of the processes that it started and that have ended.
        """
        active = len(state.active_requests)
        return {
            "active": active,
            "most_active": max(active, self._most_active),
            "ready_mb": -(-self._ready_bytes // MIB),
            "child_peak_mb": -(-resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * KIB // MIB),
            "processed": state.all_total_count[0],
            "concurrency": panel.consumer.pool.num_processes,
            "queues": self._queues(),
        }


def _resident_bytes() -> int:
    """Return the memory that this process has now."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * resource.getpagesize()


def _after(first: Callable[[], None], then: Callable[[], None]) -> Callable[[], None]:
    def both() -> None:
        first()
        then()

    return both


def _witness(turn: Callable[[], None]) -> type:
    """A boot step that stamps each turn of the consumer's loop, anew for each connection."""

    class Witness(StartStopStep):
        requires: Any = ("celery.worker.consumer.tasks:Tasks",)

        def start(self, c: Any) -> None:
            if c.hub is None:
                # The loop of gevent and eventlet calls this once a turn; their timers turn without it.
                operations = partial(type(c).perform_pending_operations, c)
                c.perform_pending_operations = _after(turn, _after(c.look_at_reads, operations))

        def register_with_event_loop(self, c: Any, hub: Any) -> None:
            hub.call_soon(turn)
            hub.call_repeatedly(BEAT, _after(turn, c.look_at_reads))

    return Witness


def _reconnecting(base: Any, max_deliveries: int) -> type:
    """A consumer that comes back to a broker soon after the broker does, and that no message ends."""

    class Consumer(base):  # type: ignore[misc]
        def look_at_reads(self) -> None:
            drop_overdue_reads(self.connection, self.hub is not None)

        def ensure_connected(self, conn: Any) -> Any:
            conn.ensure_connection = partial(
                conn.ensure_connection,
                interval_start=RETRY_STEP,
                interval_step=RETRY_STEP,
                interval_max=RETRY_MOST,
            )
            connection = super().ensure_connected(conn)
            stamp_reads(connection)
            drop_stale_together(connection)
            keep_unnoted(connection)
            give_back(connection)
            owe_failed(connection)
            send_owed(connection)
            return connection

        def create_task_handler(self, *args: Any, **kwargs: Any) -> Any:
            answer_always(self.pool)
            guarded = handler(self, super().create_task_handler(*args, **kwargs))
            return patient(self, guarded, max_deliveries)

        # What Celery would drop with a line in the log.
        def on_unknown_message(self, body: Any, message: Any) -> None:
            bury(self, message, "it names no task")

        def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
            bury(self, message, f"{type(exc).__name__}: {exc}")

        def on_decode_error(self, message: Any, exc: Exception) -> None:
            bury(self, message, f"its body cannot be read: {type(exc).__name__}: {exc}")

        def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
            tell_and_keep(message, f"the app has no task {exc}")
            # Takes it off its queue, and tells who waits for its result.
            super().on_unknown_task(body, message, exc)

        def on_connection_error_after_connected(self, exc: Exception) -> None:
            # Acks of gevent and eventlet that wait for the loop, before 5.7: else what is done is given back.
            super().perform_pending_operations()
            settle_pending_reads(self.connection)
            super().on_connection_error_after_connected(exc)

    return Consumer
