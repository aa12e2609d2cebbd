# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The periodic tasks of the inventory: what is read, and what is refused before it lands."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.beat import schedule

DIGEST = {"task": "shop.mail.digest", "every": 60}


def told(entry: object, scheduler: str = "file", name: str = "digest") -> list[str]:
    """What preflight says of one entry."""
    return [problem.text("ops1") for problem in schedule.problems({name: entry}, "UTC", scheduler)]


def read(entry: dict[str, Any], timezone: str = "UTC") -> dict[str, Any]:
    """What the agent gets of one entry that is right."""
    assert told(entry) == []
    return schedule.entries({"digest": entry}, timezone, "file")["digest"]


@pytest.mark.parametrize(
    ("every", "seconds"),
    [(5, 5), ("5", 5), (0.5, 0.5), ("90s", 90), ("15m", 900), ("1.5 h", 5400), ("1d", 86_400)],
)
def test_lengths_of_time(every: object, seconds: float) -> None:
    assert read({"task": "t", "every": every}) == {"task": "t", "every": seconds}


def test_a_crontab_gets_all_its_fields_and_its_zone() -> None:
    every = {"day_of_month": "*", "month_of_year": "*"}
    fields = {"minute": "30", "hour": "2", "day_of_week": "mon-fri", **every}
    want = {"task": "t", "crontab": fields, "timezone": "Europe/Berlin"}
    assert read({"task": "t", "crontab": "30 2 * * mon-fri"}, "Europe/Berlin") == want
    mapping = {"minute": 30, "hour": 2, "day_of_week": "mon-fri"}
    assert read({"task": "t", "crontab": mapping, "timezone": "Europe/Berlin"}) == want
    assert read({"task": "t", "crontab": {"minute": [0, 30]}})["crontab"]["minute"] == "0,30"


def test_the_sun_arguments_and_options() -> None:
    entry = {
        "task": "shop.lamps",
        "solar": {"event": "sunset", "latitude": "52.5", "longitude": -13},
        "args": [1],
        "kwargs": {"on": True},
        "options": {"queue": "mail", "expires": "10m", "priority": 3},
    }
    assert read(entry) == {
        **entry,
        "solar": {"event": "sunset", "latitude": 52.5, "longitude": -13.0},
        "options": {"queue": "mail", "expires": 600, "priority": 3},
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": None}, "celery_beat_schedules.digest.task = '': not the name of a task"),
        ({"tasks": "x"}, "celery_beat_schedules.digest.tasks = x: unknown key; did you mean task?"),
        ({"every": None}, "it does not say when; set one of crontab, every, solar"),
        ({"crontab": "* * * * *"}, "crontab and every exclude each other"),
        ({"every": "5x"}, "digest.every = 5x: not a length of time"),
        ({"every": 0}, "digest.every = 0: not a length of time"),
        ({"timezone": "UTC"}, "digest.timezone = UTC: every has no use for it"),
        ({"args": "now"}, "digest.args = (hidden): not a list"),
        ({"kwargs": ["a"]}, "digest.kwargs = (hidden): not a mapping"),
        ({"options": ["a"]}, "digest.options = ['a']: not a mapping"),
        ({"options": {"que": "mail"}}, "digest.options.que = mail: unknown option; did you mean queue?"),
        ({"options": {"expires": "soon"}}, "digest.options.expires = soon: not a length of time"),
        ({"options": {"priority": 256}}, "digest.options.priority = 256: not a priority"),
        ({"options": {"queue": ""}}, "digest.options.queue = '': not a queue"),
    ],
)
def test_a_wrong_entry(change: dict[str, Any], words: str) -> None:
    lines = told({**DIGEST, **change})
    assert len(lines) == 1
    assert words in lines[0]
    assert lines[0].startswith("ops1: celery_beat_schedules.digest")


@pytest.mark.parametrize(
    ("crontab", "words"),
    [
        ("* * * *", "not a crontab; set it to five fields"),
        ("60 * * * *", "minute: '60' is not 0 to 59; fix minute"),
        ("0 0 * * 7", "day_of_week: '7' is not 0 to 6 or sun to sat; Sunday is 0, or sun"),
        ("0 0 31 2,4 *", "none of these months has that day"),
        ({"hour": 2}, "it would run each minute; set minute, to '*' if that is meant"),
        ({"minute": 0, "hours": 2}, "digest.crontab.hours = 2: unknown field; did you mean hour?"),
    ],
)
def test_a_wrong_crontab(crontab: object, words: str) -> None:
    lines = told({"task": "t", "crontab": crontab})
    assert len(lines) == 1
    assert words in lines[0]


def test_a_wrong_zone() -> None:
    lines = told({"task": "t", "crontab": "0 2 * * *", "timezone": "Europe/Berln"})
    assert lines == [
        "ops1: celery_beat_schedules.digest.timezone = Europe/Berln: not a time zone; "
        "did you mean Europe/Berlin?"
    ]
    (line,) = told({"task": "t", "crontab": "0 2 * * *", "timezone": ["UTC"]})
    assert "digest.timezone = ['UTC']: not a time zone" in line
    (problem,) = schedule.problems({}, "CEST", "file")
    assert problem.variable == "celery_beat_timezone"


@pytest.mark.parametrize(
    ("solar", "words"),
    [
        ("sunset", "digest.solar = sunset: not a mapping"),
        ({"event": "sunup"}, "digest.solar.event = sunup: not an event of the sun"),
        ({"latitude": 91}, "digest.solar.latitude = 91: not a latitude; set it to degrees from -90 to 90"),
        ({"longitude": "13E"}, "digest.solar.longitude = 13E: not a longitude"),
        ({"lat": 1}, "digest.solar.lat = 1: unknown key; use one of event, latitude, longitude"),
    ],
)
def test_a_wrong_place_in_the_sun(solar: object, words: str) -> None:
    right = {"event": "sunset", "latitude": 52, "longitude": 13}
    lines = told({"task": "t", "solar": {**right, **solar} if isinstance(solar, dict) else solar})
    assert len(lines) == 1
    assert words in lines[0]


def test_what_is_no_mapping() -> None:
    assert "not a mapping" in told("shop.mail.digest")[0]
    assert "not a mapping" in schedule.problems([DIGEST], "UTC", "file")[0].what


def test_what_does_not_fit_django_celery_beat() -> None:
    assert told(DIGEST, "django") == []
    assert "whole seconds" in told({**DIGEST, "every": 0.5}, "django")[0]
    assert "does not keep it" in told({**DIGEST, "options": {"time_limit": 5}}, "django")[0]
    assert "200 letters" in told(DIGEST, "django", name="x" * 201)[0]
