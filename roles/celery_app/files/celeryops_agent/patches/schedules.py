# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Two fixes for schedules of a Celery before 5.7, applied from outside."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import wraps
from typing import Any

from celery.schedules import BaseSchedule, crontab, solar

from celeryops_agent.internals import Internal

INTERNALS = (
    Internal("celery.schedules:BaseSchedule.now", takes=("self",)),
    Internal("celery.schedules:crontab.remaining_delta", takes=("self", "last_run_at"), uses=("now", "tz")),
    Internal("celery.schedules:solar.remaining_estimate", takes=("self", "last_run_at")),
    Internal("celery.schedules:solar.__init__", uses=("ephem", "cal", "method", "use_center")),
)

#: Days in which every event that a place has at all happens.
YEAR = 366


def keep_to_zone_and_sun() -> None:
    """Let a crontab go by the clock of its zone, and a solar schedule wait for the day that has its event.

    Before 5.7 a crontab that is asked by the clock of another zone (a zone of its own, RedBeat's times) is
    due at that clock's hour, and where the sun does not rise or set today beat ends with TypeError.
    """
    if hasattr(solar, "_next_event") or hasattr(crontab.remaining_delta, "__wrapped__"):
        return
    solar.remaining_estimate = _remaining_estimate  # type: ignore[method-assign]
    crontab.now = _now_in_zone  # type: ignore[method-assign]
    delta: Any = crontab.remaining_delta

    @wraps(delta)
    def delta_in_zone(self: Any, last_run_at: datetime, *args: Any, **kwargs: Any) -> Any:
        return delta(self, self.maybe_make_aware(last_run_at).astimezone(self.tz), *args, **kwargs)

    crontab.remaining_delta = delta_in_zone  # type: ignore[method-assign]


def _now_in_zone(self: Any) -> datetime:
    now: datetime = self.maybe_make_aware(BaseSchedule.now(self))
    return now.astimezone(self.tz)


def _remaining_estimate(self: Any, last_run_at: datetime) -> timedelta:
    """As Celery 5.7 does: from the last run to the next event, or to the end of a year without one."""
    start = self.ephem.Date(self.maybe_make_aware(last_run_at).astimezone(timezone.utc))
    sun = self.ephem.Sun()
    center = {"use_center": True} if self.use_center else {}
    for _day in range(YEAR):
        try:
            start = getattr(self.cal, self.method)(sun, start=start, **center)
            break
        except self.ephem.CircumpolarError:
            start = self.cal.next_antitransit(sun, start=start)
    next_at: datetime = start.datetime().replace(tzinfo=timezone.utc)
    now: datetime = self.maybe_make_aware(self.now())
    return next_at - now
