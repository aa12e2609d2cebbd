# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent inside beat: when it is ready, whether it ticks, and whether it leads."""

from __future__ import annotations

import logging
from contextlib import suppress
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
        self._due_at = monotonic()  # of its next tick
        self._unsent = False
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
        work = "standby" if standby else "leader" if locks else "ticking"
        if self._unsent and not self.broker_answers():
            work = "waiting for the broker"  # beat itself ticks on and sends nothing
        late = max(0.0, monotonic() - self._due_at)
        return View(phase=self.life.phase, work=work, loop_age=0.0 if standby else late)

    def broker_answers(self) -> bool:
        """Whether the broker would take a task now."""
        return broker_answers(self._service.app.connection_for_write)

    def wait_for_broker(self) -> None:
        """Wait until the broker answers: a scheduler that lives in it cannot even load before."""
        while not self.broker_answers():
            sleep(1.0)

    def watch(self) -> None:
        """Build the scheduler, and learn from now on when its next tick is due and whether it could send."""
        scheduler = self._service.scheduler
        tick, send = scheduler.tick, scheduler.apply_async

        def watched_tick(*args: Any, **kwargs: Any) -> Any:
            interval = tick(*args, **kwargs)
            self._due_at = monotonic() + (interval or 0.0)
            return interval

        def watched_send(*args: Any, **kwargs: Any) -> Any:
            self._unsent = True
            result = send(*args, **kwargs)
            self._unsent = False
            return result

        scheduler.tick, scheduler.apply_async = watched_tick, watched_send
        self._due_at = monotonic()


def watched_service(notifier: Notifier) -> type[Any]:
    """Celery's beat service, reporting to systemd."""

    class WatchedService(Service):
        def start(self, embedded_process: bool = False) -> None:
            self.beat = Beat(self)
            Reporter(notifier, self.beat).start()
            self.beat.wait_for_broker()
            self.beat.watch()
            # Ready before the lock is had: a standby that waits for it would never be.
            self.beat.life.is_ready()
            try:
                super().start(embedded_process)  # type: ignore[no-untyped-call]
            except Exception as exc:
                # A stop in the middle of a sending closes what that is using. Its schedule is saved by then.
                if self.beat.life.stopping_since is None:
                    raise
                logger.warning("beat was told to stop while it was sending: %r", exc)

        def sync(self) -> None:
            self.beat.life.is_stopping()
            with suppress(OSError):  # said here, for the process ends before the reporter looks again
                notifier.send({"STOPPING": "1", "STATUS": "stopping"})
            if self.beat.scheduler is None:  # it still waits for the broker: there is nothing to save
                return
            try:
                super().sync()  # type: ignore[no-untyped-call]
            except Exception as exc:
                logger.warning("beat could not put its schedule away, and goes on: %r", exc)

    return WatchedService
