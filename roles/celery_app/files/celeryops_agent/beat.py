# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent inside beat: one leads and the others stand by, and no tick is sent twice."""

from __future__ import annotations

import fcntl
import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any, TypeVar

from celery.beat import Service

from celeryops_agent.broker import broker_answers
from celeryops_agent.internals import Internal
from celeryops_agent.lease import Claim, Lease, broker_lease
from celeryops_agent.notify import Notifier
from celeryops_agent.patches.schedules import keep_to_zone_and_sun
from celeryops_agent.reporter import Life, Reporter
from celeryops_agent.schedulers import (
    django_entries,
    forget_django_entries,
    is_django,
    is_redbeat,
    redbeat_lease,
)
from celeryops_agent.schedules import entries_of
from celeryops_agent.settings import lay_over, refuse_others
from celeryops_agent.watchdog import View

logger = logging.getLogger("celeryops.agent")

INTERNALS = (
    Internal(
        "celery.beat:Service.__init__", takes=("self", "app"), uses=("_is_shutdown", "schedule_filename")
    ),
    Internal("celery.beat:Service.start", takes=("self", "embedded_process"), uses=("sync", "tick")),
    Internal("celery.beat:Scheduler.apply_async", takes=("self", "entry", "producer", "advance")),
    Internal("celery.beat:Scheduler.reserve", takes=("self", "entry")),
    Internal("celery.apps.beat:Beat.start_scheduler", uses=("Service", "install_sync_handler")),
)

#: Seconds between two looks of a standby at the lock, and between two attempts to reach a Redis that is away.
PAUSE = 1.0

#: Seconds that the lock lasts where the inventory does not say. Longer than any tick.
LOCK_TIMEOUT = 20.0

T = TypeVar("T")


class Beat:
    """What the agent knows of a beat service.

    :param service: the service, before it has a scheduler.
    :param lease: the right to send; None where no Redis could keep it.
    """

    def __init__(self, service: Any, lease: Lease | None) -> None:
        self.life = Life()
        self._lease = lease
        self._errors: tuple[type[Exception], ...] = lease.errors if lease else ()
        self._leader = ""  # another beat, while it leads
        self._away = False  # the Redis of the lease
        self._due_at = monotonic()  # of its next tick
        self._unsent = False
        self._service = service
        self.broke = False  # a tick raised, though nobody had told beat to stop

    @property
    def scheduler(self) -> Any:
        """The scheduler, or None while it is not built."""
        return vars(self._service).get("scheduler")

    def look(self) -> View:
        """Tell what beat does at this moment."""
        work = f"standby, {self._leader} leads" if self._leader else "leader" if self._lease else "ticking"
        if self._away or (self._unsent and not self.broker_answers()):
            work = "waiting for the broker"
        late = max(0.0, monotonic() - self._due_at)
        return View(phase=self.life.phase, work=work, loop_age=0.0 if self._away else late)

    def broker_answers(self) -> bool:
        """Whether the broker would take a task now."""
        return broker_answers(self._service.app.connection_for_write)

    def wait_for_broker(self) -> None:
        """Wait until the broker answers: a scheduler that lives in it cannot even load before."""
        while not self.broker_answers():
            sleep(PAUSE)

    def wait_for_lead(self) -> None:
        """Wait until no other beat leads. One that waits is ready: it does what it is there for."""
        while self._lease and (leader := self._ask(self._lease.hold)):
            if leader != self._leader:
                logger.info("beat stands by, %s leads", leader)
            self._leader, self._due_at = leader, monotonic()
            self.life.is_ready()
            sleep(PAUSE)
        self._leader = ""

    def watch(self) -> None:
        """Build the scheduler, and let it tick and send only while the lead is had."""
        scheduler = self._service.scheduler
        tick, send = scheduler.tick, scheduler.apply_async

        def watched_tick(*args: Any, **kwargs: Any) -> Any:
            self._keep_lead()
            try:
                interval = tick(*args, **kwargs)
            except self._errors as exc:  # RedBeat's schedule is in Redis too
                logger.warning("beat could not read its schedule, and tries again: %r", exc)
                interval = PAUSE
            except Exception:
                self.broke = self.life.stopping_since is None
                raise
            self._due_at = monotonic() + (interval or 0.0)
            return interval

        def watched_send(entry: Any, *args: Any, **kwargs: Any) -> Any:
            if not self._claim(entry):
                if kwargs.get("advance", True):
                    scheduler.reserve(entry)
                return None
            self._unsent = True
            result = send(entry, *args, **kwargs)
            self._unsent = False
            return result

        scheduler.tick, scheduler.apply_async = watched_tick, watched_send
        self._due_at = monotonic()

    def give_up_lead(self) -> None:
        """Let a standby lead at once. Without Redis the lock ends by itself."""
        if self._lease and self.scheduler is not None:
            with suppress(*self._errors):
                self._lease.release()

    def _keep_lead(self) -> None:
        if self._lease and (leader := self._ask(self._lease.hold)):
            self._step_down(leader)

    def _claim(self, entry: Any) -> bool:
        """Whether this beat is the one to send what is due of an entry."""
        if not self._lease:
            return True
        lease = self._lease
        answer = self._ask(lambda: lease.claim(entry.name, entry.last_run_at))
        if answer is Claim.LOST:
            # An outage can outlast the lock. Nobody else had it in the meantime when it is free.
            self._keep_lead()
            answer = self._ask(lambda: lease.claim(entry.name, entry.last_run_at))
        if answer is Claim.TAKEN:
            logger.info("another beat has sent what was due of %s", entry.name)
        return answer is Claim.OURS

    def _step_down(self, leader: str) -> None:
        """End; systemd starts it again, as a standby with a fresh view of the schedule."""
        logger.warning("beat lost its lead to %s, and starts again as a standby", leader)
        raise SystemExit(0)

    def _ask(self, question: Callable[[], T]) -> T:
        """The answer of the lease's Redis, however long that is away. Nothing could be sent meanwhile."""
        while True:
            try:
                answer = question()
            except self._errors as exc:
                if not self._away:
                    logger.warning("beat cannot ask for its lead, and waits: %r", exc)
                self._away = True
                sleep(PAUSE)
            else:
                self._away = False
                return answer


def load_document(path: str) -> dict[str, Any]:
    """Read what the role celery_beat writes.

    :param path: a JSON object with ``settings``, ``schedules`` and ``lock_timeout``; "" for none.
    :raises OSError: it cannot be read.
    :raises ValueError: it is not JSON.
    """
    return dict(json.loads(Path(path).read_text(encoding="utf-8"))) if path else {}


def guard(schedule: str) -> int:
    """Refuse a second beat with the same schedule on this host: it would take the first one's for corrupt.

    :param schedule: the file of the schedule; the guard lies beside it.
    :returns: the open file, whose lock ends with the process.
    :raises SystemExit: another process has it.
    """
    guard_file = os.open(f"{schedule}.guard", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(guard_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"another beat runs here with the schedule {schedule}: nothing is done") from None
    return guard_file


def watched_service(notifier: Notifier, settings: Mapping[str, Any], environ: Mapping[str, str]) -> type[Any]:
    """Celery's beat service, reporting to systemd.

    :param settings: those of the inventory.
    :param environ: CELERYOPS_BEAT: path of what the role celery_beat writes; CELERYOPS_APP.
    """

    class WatchedService(Service):
        def __init__(self, app: Any, *args: Any, **kwargs: Any) -> None:
            document = load_document(environ.get("CELERYOPS_BEAT", ""))
            lay_over(app.conf, document.get("settings", {}))
            refuse_others(app.conf, {**settings, **document.get("settings", {})})
            keep_to_zone_and_sun()
            super().__init__(app, *args, **kwargs)  # type: ignore[no-untyped-call]
            self.document = document
            self.beat = Beat(self, self.lease())

        def lease(self) -> Lease | None:
            """The right to send, kept where this beat's schedule or its broker is."""
            seconds = self.document.get("lock_timeout") or self.app.conf.get("redbeat_lock_timeout")
            seconds = float(seconds or LOCK_TIMEOUT)
            if is_redbeat(self.scheduler_cls):
                return redbeat_lease(self.app, seconds)
            return broker_lease(self.app, seconds, environ.get("CELERYOPS_APP", ""))

        def start(self, embedded_process: bool = False) -> None:
            self.guard = guard(self.schedule_filename)
            Reporter(notifier, self.beat).start()
            self.beat.wait_for_broker()
            self.beat.wait_for_lead()
            self.lay_schedule()
            self.beat.watch()
            self.beat.life.is_ready()
            try:
                super().start(embedded_process)  # type: ignore[no-untyped-call]
            except Exception as exc:
                # A stop in the middle of a sending closes what that is using. Its schedule is saved by then.
                if self.beat.broke or self.beat.life.stopping_since is None:
                    raise
                logger.warning("beat was told to stop while it was sending: %r", exc)

        def lay_schedule(self) -> None:
            """Put the inventory's schedule beside the code's."""
            schedules = self.document.get("schedules", {})
            entries = entries_of(schedules, str(self.app.timezone))
            if is_django(self.scheduler_cls):
                entries = django_entries(entries)
                forget_django_entries(entries)
            lay_over(self.app.conf, {"beat_schedule": entries})

        def sync(self) -> None:
            # Celery then raises SystemExit out of the signal's handler, and a finalizer may swallow that.
            self._is_shutdown.set()
            self.beat.life.is_stopping()
            with suppress(OSError):  # said here, for the process ends before the reporter looks again
                notifier.send({"STOPPING": "1", "STATUS": "stopping"})
            if self.beat.scheduler is None:  # it never led: there is nothing to save
                return
            try:
                super().sync()  # type: ignore[no-untyped-call]
            except Exception as exc:
                logger.warning("beat could not put its schedule away, and goes on: %r", exc)
            self.beat.give_up_lead()

    return WatchedService
