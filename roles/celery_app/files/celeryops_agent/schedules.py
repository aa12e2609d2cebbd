# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The schedule of the inventory, as Celery's objects. The controller has checked it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from celery.schedules import BaseSchedule, crontab, schedule, solar

#: The fields of a crontab, in the order in which Celery takes them.
FIELDS = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")


class ZonedCrontab(crontab):
    """A crontab by the clock of a time zone of its own, whatever the app's is.

    :param timezone: name of the zone, such as ``Europe/Berlin``.
    :param fields: those of Celery's crontab.
    """

    def __init__(self, *fields: Any, timezone: str, **named: Any) -> None:
        super().__init__(*fields, **named)
        self.timezone = timezone
        self.tz = ZoneInfo(timezone)

    def __eq__(self, other: object) -> bool:
        return bool(super().__eq__(other)) and getattr(other, "timezone", None) == self.timezone

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> Any:
        return restored, (self.timezone, fields_of(self))


def fields_of(cron: crontab) -> dict[str, Any]:
    """The fields as they were given."""
    return {name: getattr(cron, f"_orig_{name}") for name in FIELDS}


def restored(timezone: str, fields: Mapping[str, Any]) -> ZonedCrontab:
    """The crontab that was pickled, or written to Redis."""
    return ZonedCrontab(timezone=timezone, **fields)


def schedule_of(entry: Mapping[str, Any], app_timezone: str) -> BaseSchedule:
    """The schedule of one entry: its ``crontab``, ``every`` or ``solar``.

    :param app_timezone: the time zone of the app; a crontab in the same one needs no other class.
    """
    if "crontab" in entry:
        if entry["timezone"] == app_timezone:
            return crontab(**entry["crontab"])
        return restored(entry["timezone"], entry["crontab"])
    if "solar" in entry:
        place = entry["solar"]
        return solar(place["event"], place["latitude"], place["longitude"])
    return schedule(entry["every"])


def entries_of(document: Mapping[str, Any], app_timezone: str) -> dict[str, dict[str, Any]]:
    """The entries for ``beat_schedule``, by name.

    :param document: ``schedules`` of the file that the role celery_beat writes.
    """
    return {
        name: {
            "task": entry["task"],
            "schedule": schedule_of(entry, app_timezone),
            "args": tuple(entry.get("args", ())),
            "kwargs": entry.get("kwargs", {}),
            "options": entry.get("options", {}),
        }
        for name, entry in document.items()
    }
