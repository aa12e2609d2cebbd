# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent inside beat: when it is ready, whether it ticks, and whether it leads."""

from __future__ import annotations

import logging
from time import monotonic, sleep
from typing import Any

from celery.beat import Service

from celeryops_agent.broker import broker_answers
from celeryops_agent.notify import Notifier
from celeryops_agent.reporter import Life, Reporter
from celeryops_agent.watchdog import View

logger = logging.getLogger("celeryops.agent")


class Beat:
    """What the agent knows of a beat service.

    :param service: the service, before it has a scheduler.
    """

    def __init__(self, service: Any) -> None:
        self.life = Life()
        #: When its next tick is due, by the monotonic clock.
        self.due_at = monotonic()
        self._service = service

    @property
    def scheduler(self) -> Any:
        """The scheduler, or None while it is not built."""
        return vars(self._service).get("scheduler")

    def look(self) -> View:
        """Tell what beat does at this moment."""
        # Only a scheduler with a lock, such as RedBeat, knows of leaders.
        locks = bool(getattr(self.scheduler, "lock_key", None))
        standby = locks and self.scheduler.lock is None
        late = max(0.0, monotonic() - self.due_at)
        return View(
            phase=self.life.phase,
            work="standby" if standby else "leader" if locks else "ticking",
            loop_age=0.0 if standby else late,
        )

    def broker_answers(self) -> bool:
        """Whether the broker would take a task now."""
        return broker_answers(self._service.app.connection_for_write)

    def wait_for_broker(self) -> None:
        """Wait until the broker answers: a scheduler that lives in it cannot even load before."""
        while not self.broker_answers():
            sleep(1.0)

    def watch_ticks(self) -> None:
        """Stamp from now on when the next tick is due."""
        scheduler = self._service.scheduler  # builds it
        tick = scheduler.tick

        def stamped(*args: Any, **kwargs: Any) -> Any:
            interval = tick(*args, **kwargs)
            self.due_at = monotonic() + (interval or 0.0)
            return interval

        scheduler.tick = stamped
        self.due_at = monotonic()


def watched_service(notifier: Notifier) -> type[Any]:
    """Celery's beat service, reporting to systemd."""

    class WatchedService(Service):
        def start(self, embedded_process: bool = False) -> None:
            self.beat = Beat(self)
            Reporter(notifier, self.beat).start()
            self.beat.wait_for_broker()
            self.beat.watch_ticks()
            # Ready before the lock is had: a standby that waits for it would never be.
            self.beat.life.is_ready()
            super().start(embedded_process)  # type: ignore[no-untyped-call]

        def sync(self) -> None:
            self.beat.life.is_stopping()
            if self.beat.scheduler is None:  # it still waits for the broker: there is nothing to save
                return
            try:
                super().sync()  # type: ignore[no-untyped-call]
            except Exception as exc:
                logger.warning("beat could not put its schedule away, and goes on: %r", exc)

    return WatchedService
