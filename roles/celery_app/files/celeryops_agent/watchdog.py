# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What to tell systemd, decided from what the agent sees. Pure: no clock, no Celery, no I/O.

systemd itself holds the patience: it ends the service when no WATCHDOG=1 came for WatchdogSec. So the
decision has no memory. While the process works or has an excuse it is petted, and otherwise not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

#: Seconds after which a loop that turned, or a request for work, no longer proves anything. Both
#: happen about once a second in a healthy worker.
STALE = 10.0

#: Seconds that a process has to find its way to a broker that is back.
GRACE = 10.0

#: Seconds that one EXTEND_TIMEOUT_USEC buys; the agent speaks every second or two.
EXTENSION = 20.0


class Phase(Enum):
    """Where the process is in its life."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


@dataclass(frozen=True)
class View:
    """What the agent sees of a worker or beat at one moment. All times are in seconds.

    :param work: what it does when all is well, such as ``consuming mail, 3 active``.
    :param active: tasks that run.
    :param connected: False while it reconnects to the broker.
    :param loop_age: since its loop last turned.
    :param asked_age: since it last asked the broker for work; None where that cannot be seen, or
        where it rightly does not ask, such as when every slot is taken.
    :param hold: how long tasks that run in the loop's own thread may keep it from turning.
    :param broker_answers: whether a fresh connection to the broker works; None when nobody asked.
    :param back_for: since a connection to the broker last failed; infinity when none did.
    :param stopping_for: since the stop began.
    """

    phase: Phase
    work: str
    active: int = 0
    connected: bool = True
    loop_age: float = 0.0
    asked_age: float | None = None
    hold: float = 0.0
    broker_answers: bool | None = None
    back_for: float = math.inf
    stopping_for: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """What to tell systemd now.

    :param pet: send WATCHDOG=1.
    :param extend: seconds for EXTEND_TIMEOUT_USEC; 0.0 sends none.
    :param stuck: it neither works nor has an excuse; the watchdog is left to run out.
    """

    status: str
    pet: bool = False
    extend: float = 0.0
    stuck: bool = False


def doubt(view: View) -> str | None:
    """Why it is not proven that the process does its work; None when it is."""
    if not view.connected:
        return "it has no connection to the broker"
    if view.loop_age > max(STALE, view.hold):
        return "its loop does not turn"
    if view.loop_age <= STALE and view.asked_age is not None and view.asked_age > STALE:
        return "it does not ask the broker for work"
    return None


def judge(view: View, stop_ceiling: float = math.inf) -> Verdict:
    """Decide what systemd is told.

    :param view: the process now.
    :param stop_ceiling: the longest a stop may be extended to, in seconds from its beginning.
    :returns: the status for people, and whether to pet or to extend.
    """
    if view.phase is Phase.STOPPING:
        return _stopping(view, stop_ceiling)
    # A broker that does not answer is not the process's fault, whatever the process looks like: to
    # restart it would kill tasks that run and fix nothing.
    away = view.broker_answers is False
    waiting = "waiting for the broker" + (f", {view.active} active" if view.active else "")
    if view.phase is Phase.STARTING:
        return Verdict(waiting, extend=EXTENSION) if away else Verdict("starting")
    reason = doubt(view)
    if reason is None:
        return Verdict(view.work, pet=True)
    if away:
        return Verdict(waiting, pet=True)
    if view.back_for <= GRACE:
        return Verdict("reconnecting to the broker", pet=True)
    return Verdict(f"not working: {reason}", stuck=True)


def _stopping(view: View, ceiling: float) -> Verdict:
    if not view.active:
        return Verdict("stopping")
    left = f"{view.active} task" + ("s" if view.active > 1 else "")
    return Verdict(f"draining, {left} left", extend=max(0.0, min(EXTENSION, ceiling - view.stopping_for)))
