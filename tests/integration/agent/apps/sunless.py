# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app with an entry that ticks, and one whose schedule raises whenever it is asked, as a solar one may."""

from __future__ import annotations

from typing import Any

from celery.app.utils import find_app
from celery.schedules import schedule

application = find_app("parcels:application")


class Sunless(schedule):
    """Has no next time."""

    def is_due(self, last_run_at: Any) -> Any:
        """Raise as a solar schedule does that finds no event."""
        raise TypeError(f"no event after {last_run_at}")


application.conf.beat_schedule = {
    "tick": {"task": "parcels.send", "schedule": 1.0, "args": ["tick"]},
    "lamps": {"task": "parcels.send", "schedule": Sunless(1.0)},
}
application.conf.task_default_queue = "ticks"
