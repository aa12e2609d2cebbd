# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory's schedules as Celery's objects, above all on the days on which the clocks change."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from celery import Celery
from celery.schedules import BaseSchedule, crontab, schedule, solar
from celeryops_agent import schedulers
from celeryops_agent.patches.schedules import keep_to_zone_and_sun
from celeryops_agent.schedules import FIELDS, ZonedCrontab, entries_of, fields_of, schedule_of
from django_celery_beat.tzcrontab import TzAwareCrontab
from redbeat import schedulers as redbeat

UTC = timezone.utc
BERLIN = "Europe/Berlin"
# Midnight of the day before, in Berlin's winter and summer.
SPRING = datetime(2026, 3, 27, 23, tzinfo=UTC)  # 2026-03-29, 02:00 becomes 03:00
AUTUMN = datetime(2026, 10, 23, 22, tzinfo=UTC)  # 2026-10-25, 03:00 becomes 02:00
MINUTE = timedelta(minutes=1)


def entry(zone: str = BERLIN, **fields: str) -> dict[str, Any]:
    """A crontab as the role writes it."""
    return {"task": "t", "timezone": zone, "crontab": {name: fields.get(name, "*") for name in FIELDS}}


def fired(when: BaseSchedule, start: datetime, days: float = 3) -> list[datetime]:
    """The minutes at which beat would send, had it looked each minute; no clock is asked."""
    now = start
    zone = when.tz if isinstance(when, TzAwareCrontab) else UTC  # its own clock shows its zone
    when.nowfun = lambda: now.astimezone(zone)
    last, found = start, []
    while now < start + timedelta(days=days):
        if when.is_due(last)[0]:
            found.append(now)
            last = now
        now += MINUTE
    return found


def shown(moments: list[datetime], zone: str = BERLIN) -> list[str]:
    """Moments by the clocks of a zone."""
    return [f"{moment.astimezone(ZoneInfo(zone)):%d %H:%M%z}" for moment in moments]


Keep = Callable[[dict[str, Any]], BaseSchedule]


def in_a_file(wanted: dict[str, Any]) -> BaseSchedule:
    """As Celery's own scheduler has it after a restart."""
    found: BaseSchedule = pickle.loads(pickle.dumps(schedule_of(wanted, "UTC")))
    return found


def in_the_app(wanted: dict[str, Any]) -> BaseSchedule:
    """As Celery's own scheduler has it when the app's zone is the crontab's."""
    found = schedule_of(wanted, wanted["timezone"])
    found.app = Celery("shop", set_as_current=False)
    found.app.conf.timezone = wanted["timezone"]
    return found


def in_redis(wanted: dict[str, Any]) -> BaseSchedule:
    """As RedBeat has it at each tick."""
    codec = vars(redbeat)
    text = json.dumps(schedule_of(wanted, "UTC"), cls=codec["RedBeatJSONEncoder"])
    found: BaseSchedule = json.loads(text, cls=codec["RedBeatJSONDecoder"])
    return found


def in_the_database(wanted: dict[str, Any]) -> BaseSchedule:
    """As django-celery-beat makes it from its row (CrontabSchedule.schedule)."""
    fields = fields_of(crontab(**wanted["crontab"]))
    return TzAwareCrontab(**fields, tz=ZoneInfo(wanted["timezone"]))  # type: ignore[no-untyped-call]


every_scheduler = pytest.mark.parametrize(
    "keep", [in_a_file, in_the_app, in_redis, in_the_database], ids=lambda keep: keep.__name__
)


@pytest.fixture(autouse=True)
def fixed_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let RedBeat keep zones, as the agent does."""
    for name in ("RedBeatJSONEncoder", "RedBeatJSONDecoder"):
        monkeypatch.setattr(redbeat, name, getattr(redbeat, name))
    schedulers._fix_codec()


@pytest.fixture(autouse=True)
def fixed_schedules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a Celery before 5.7 keep zones, as the agent does."""
    for name in ("now", "remaining_delta"):
        monkeypatch.setattr(crontab, name, getattr(crontab, name))
    monkeypatch.setattr(solar, "remaining_estimate", solar.remaining_estimate)
    keep_to_zone_and_sun()


@every_scheduler
@pytest.mark.parametrize("start", [SPRING, AUTUMN])
def test_utc_knows_no_change(start: datetime, keep: Keep) -> None:
    daily = fired(keep(entry("UTC", minute="30", hour="1")), start)
    assert {later - earlier for earlier, later in pairwise(daily)} == {timedelta(days=1)}
    hourly = fired(keep(entry("UTC", minute="0")), start)
    assert len(hourly) == 71
    assert len(fired(schedule(timedelta(hours=1)), start)) == 71


@every_scheduler
def test_spring_sends_what_falls_into_the_missing_hour_once_an_hour_later(keep: Keep) -> None:
    nightly = keep(entry(minute="30", hour="2"))
    assert shown(fired(nightly, SPRING)) == ["28 02:30+0100", "29 03:30+0200", "30 02:30+0200"]
    noon = keep(entry(minute="0", hour="12"))
    assert shown(fired(noon, SPRING)) == ["28 12:00+0100", "29 12:00+0200", "30 12:00+0200"]
    hourly = fired(keep(entry(minute="0")), SPRING)
    assert {later - earlier for earlier, later in pairwise(hourly)} == {60 * MINUTE}


@every_scheduler
def test_autumn_sends_once_in_the_first_of_the_two_hours(keep: Keep) -> None:
    nightly = keep(entry(minute="30", hour="2"))
    assert shown(fired(nightly, AUTUMN)) == ["24 02:30+0200", "25 02:30+0200", "26 02:30+0100"]
    hourly = fired(keep(entry(minute="0")), AUTUMN)
    pauses = [later - earlier for earlier, later in pairwise(hourly)]
    assert sorted(pauses)[-2:] == [60 * MINUTE, 120 * MINUTE], "docs/how-to/beat.md tells of this gap"


@pytest.mark.parametrize("start", [SPRING, AUTUMN])
def test_a_zone_counts_and_not_the_one_of_the_app(start: datetime) -> None:
    app = Celery("shop", set_as_current=False)
    app.conf.timezone = "Asia/Tokyo"
    in_berlin = schedule_of(entry(minute="0", hour="12"), "Asia/Tokyo")
    in_berlin.app = app
    assert {moment.astimezone(ZoneInfo(BERLIN)).hour for moment in fired(in_berlin, start)} == {12}


def test_the_zone_of_the_app_needs_no_class_of_ours() -> None:
    assert schedule_of(entry("UTC"), "UTC").__class__ is crontab
    assert schedule_of(entry(BERLIN), BERLIN).__class__ is crontab
    assert schedule_of(entry(BERLIN), "UTC").__class__ is ZonedCrontab


def test_a_schedule_that_changed_its_zone_is_another() -> None:
    berlin, paris = (schedule_of(entry(zone), "UTC") for zone in (BERLIN, "Europe/Paris"))
    assert berlin == schedule_of(entry(BERLIN), "UTC")
    assert berlin != paris
    assert berlin != crontab()
    assert berlin != schedule_of(entry(BERLIN, minute="1"), "UTC")


def test_celery_keeps_it_in_its_file() -> None:
    berlin = schedule_of(entry(minute="*/5", hour="2"), "UTC")
    again = pickle.loads(pickle.dumps(berlin))
    assert again == berlin
    assert str(again.tz) == BERLIN
    assert fired(again, AUTUMN) == fired(berlin, AUTUMN)


def test_entries() -> None:
    place = {"event": "sunset", "latitude": 52.5, "longitude": 13.4}
    full = {"task": "b", "every": 5, "args": [1], "kwargs": {"x": 2}, "options": {"queue": "mail"}}
    entries = entries_of({"lamps": {"task": "a", "solar": place}, "full": full}, "UTC")
    assert entries["lamps"]["schedule"] == solar("sunset", 52.5, 13.4)
    assert entries["full"] == {
        "task": "b",
        "schedule": schedule(5),
        "args": (1,),
        "kwargs": {"x": 2},
        "options": {"queue": "mail"},
    }


def test_redbeat_keeps_zones_and_the_sun() -> None:
    second_half_past_two = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo(BERLIN), fold=1)
    kept = {
        "zoned": schedule_of(entry(minute="5"), "UTC"),
        "plain": crontab(minute="5"),
        "sun": solar("sunset", 52.5, 13.4),
        "each": schedule(5),
        "at": second_half_past_two,
    }
    codec = vars(redbeat)
    text = json.dumps(kept, cls=codec["RedBeatJSONEncoder"])
    again = json.loads(text, cls=codec["RedBeatJSONDecoder"])
    assert again == {**kept, "at": second_half_past_two.astimezone(UTC)}
    assert again["plain"].__class__ is crontab


def test_redbeat_asks_sentinels_at_their_usual_port_where_the_url_names_none() -> None:
    app = Celery(broker="sentinel://celery:p%40ss@h1/2;sentinel://celery:p%40ss@h2:26380/2")
    options = schedulers._redbeat_connection(app)["redbeat_redis_options"]
    assert options["sentinels"] == [("h1", 26379), ("h2", 26380)]
    assert (options["username"], options["password"], options["db"]) == ("celery", "p@ss", 2)
