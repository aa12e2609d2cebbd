# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A thread of its own that looks at the process every second and tells systemd what it sees."""

from __future__ import annotations

import logging
import math
import sys
import threading
import traceback
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Protocol

from celeryops_agent.notify import MICROSECONDS, Notifier
from celeryops_agent.threads import Alarm, start_native_thread
from celeryops_agent.watchdog import Phase, Verdict, View, doubt, judge

logger = logging.getLogger("celeryops.agent")

#: Seconds between two looks.
INTERVAL = 1.0

#: Times that a healthy process is petted while systemd's patience lasts.
PETS = 4

#: Looks in a row that must find the process stuck before the log says so.
STUCK_LOOKS = 10

#: Seconds that a start may take before the broker is asked whether it is the reason.
PATIENCE = 3.0


@dataclass
class Life:
    """The turning points of the process, stamped by its own threads."""

    ready: bool = False
    stopping_since: float | None = None
    alarm: Alarm = field(default_factory=Alarm)

    def is_ready(self) -> None:
        """The process does its work."""
        if not self.ready:
            self.ready = True
            self.alarm.ring()

    def is_stopping(self) -> None:
        """The process was told to stop. Safe in a signal handler."""
        if self.stopping_since is None:
            self.stopping_since = monotonic()
            self.alarm.ring()

    @property
    def phase(self) -> Phase:
        """Where the process is now."""
        if self.stopping_since is not None:
            return Phase.STOPPING
        return Phase.RUNNING if self.ready else Phase.STARTING


class Subject(Protocol):
    """A process that can be reported on."""

    life: Life

    def look(self) -> View:
        """Tell what the process does at this moment."""

    def broker_answers(self) -> bool:
        """Open a fresh connection to the broker; a few seconds at most."""


class Reporter:
    """Reports one process to systemd, from a thread, until the process ends.

    :param stop_ceiling: the longest a stop may be extended to, in seconds.
    """

    def __init__(self, notifier: Notifier, subject: Subject, stop_ceiling: float = math.inf) -> None:
        self._notifier = notifier
        self._subject = subject
        self._stop_ceiling = stop_ceiling
        self._born = monotonic()
        self._petted = -math.inf
        self._away_at = -math.inf
        self._said: dict[str, str] = {}
        self._complained: set[str] = set()
        self._stuck_looks = 0

    def start(self) -> None:
        """Start the thread; a no-op when no service manager listens."""
        if self._notifier.listening:
            start_native_thread(self._run)

    def _run(self) -> None:
        while True:
            self.turn()
            self._subject.life.alarm.sleep(INTERVAL)

    def turn(self) -> None:
        """Look once and say what is to be said. Never raises."""
        try:
            view = self._look()
            verdict = judge(view, self._stop_ceiling)
            self._notifier.send(self._message(view.phase, verdict))
            self._testify(verdict)
        except Exception as exc:
            self._complain("tell systemd of its state", exc)

    def _look(self) -> View:
        phase = self._subject.life.phase
        try:
            view = self._subject.look()
            slow_start = phase is Phase.STARTING and monotonic() - self._born > PATIENCE
            if slow_start or (phase is Phase.RUNNING and doubt(view)):
                view = self._ask_broker(view)
            return view
        except Exception as exc:
            # The agent's own blindness must not cost the process its life.
            self._complain("see its state", exc)
            return View(phase, work="running")

    def _ask_broker(self, view: View) -> View:
        answers = self._subject.broker_answers()
        if not answers:
            self._away_at = monotonic()
        return replace(view, broker_answers=answers, back_for=monotonic() - self._away_at)

    def _message(self, phase: Phase, verdict: Verdict) -> dict[str, str]:
        """The notification variables that are due: those that changed or that must be repeated."""
        fields = {"STATUS": verdict.status}
        if phase is Phase.RUNNING:
            fields["READY"] = "1"
        if phase is Phase.STOPPING:
            fields["STOPPING"] = "1"
        fields = {key: value for key, value in fields.items() if self._said.get(key) != value}
        self._said.update(fields)
        if verdict.extend:
            fields["EXTEND_TIMEOUT_USEC"] = str(int(verdict.extend * MICROSECONDS))
        if verdict.pet and self._pet_is_due():
            fields["WATCHDOG"] = "1"
        return fields

    def _pet_is_due(self) -> bool:
        now, patience = monotonic(), self._notifier.watchdog
        if not patience or now - self._petted < patience / PETS:
            return False
        self._petted = now
        return True

    def _testify(self, verdict: Verdict) -> None:
        """Leave in the log what the process was doing when it got stuck: it will soon be gone."""
        self._stuck_looks = self._stuck_looks + 1 if verdict.stuck else 0
        if self._stuck_looks == STUCK_LOOKS:
            frame = sys._current_frames().get(threading.main_thread().ident or 0)
            stack = "".join(traceback.format_stack(frame))
            logger.critical("%s. Its main thread:\n%s", verdict.status, stack)

    def _complain(self, what: str, exc: Exception) -> None:
        """Log a fault of the agent once."""
        if what not in self._complained:
            self._complained.add(what)
            logger.error("celeryops agent cannot %s: %r. The process goes on without.", what, exc)
