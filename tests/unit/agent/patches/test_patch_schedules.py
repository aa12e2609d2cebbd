# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Where the sun does not set for months, the next sunset is the one in which it does."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from celery import Celery
from celery.schedules import crontab, solar
from celeryops_agent.patches.schedules import _remaining_estimate, keep_to_zone_and_sun

#: In winter it does not rise there, and in summer it does not set.
PLACE = (80, 13.4)


@pytest.mark.parametrize(
    ("last", "event_day"),
    [("2026-11-28", "2027-02-21"), ("2026-10-10", "2026-10-10"), ("2026-05-01", "2026-08-29")],
)
def test_the_next_sunset(last: str, event_day: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Celery's own of 5.7, and ours for those before: the same.
    monkeypatch.setattr(solar, "remaining_estimate", solar.remaining_estimate)
    for name in ("now", "remaining_delta"):
        monkeypatch.setattr(crontab, name, getattr(crontab, name))
    keep_to_zone_and_sun()
    noon = datetime.fromisoformat(last).replace(hour=12, tzinfo=timezone.utc)
    schedule = solar("sunset", *PLACE, nowfun=lambda: noon, app=Celery(set_as_current=False))
    estimate = schedule.remaining_estimate(noon)
    assert (noon + estimate).date().isoformat() == event_day
    assert abs(_remaining_estimate(schedule, noon) - estimate) < timedelta(seconds=1)
