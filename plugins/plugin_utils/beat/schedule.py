# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The periodic tasks of the inventory, read and checked without Celery: ``celery_beat_schedules`` in code."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping, Sequence
from typing import Any

from ..inventory.problems import Problem, did_you_mean
from ..plan import spec
from . import crontab

VARIABLE = "celery_beat_schedules"
ZONE_VARIABLE = "celery_beat_timezone"
WHEN = ("crontab", "every", "solar")
KEYS = ("task", *WHEN, "timezone", "args", "kwargs", "options")
SOLAR_KEYS = ("event", "latitude", "longitude")
SOLAR_EVENTS = (
    "dawn_astronomical",
    "dawn_nautical",
    "dawn_civil",
    "sunrise",
    "solar_noon",
    "sunset",
    "dusk_civil",
    "dusk_nautical",
    "dusk_astronomical",
)
# What Task.apply_async takes and a periodic task can use; django-celery-beat has columns for a few of them.
DJANGO_OPTIONS = ("queue", "exchange", "routing_key", "priority", "headers", "expires")
OPTIONS = (
    *DJANGO_OPTIONS,
    "countdown",
    "time_limit",
    "soft_time_limit",
    "ignore_result",
    "serializer",
    "compression",
    "delivery_mode",
    "retry",
    "retry_policy",
    "shadow",
)
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
LENGTH_FIX = "set it to seconds, or to a text such as 90s, 15m, 2h or 1d"
MOST_PRIORITY = 255
# The longest name that django-celery-beat keeps.
LONGEST_NAME = 200


def problems(schedules: object, timezone: object, scheduler: str) -> list[Problem]:
    """Return what is wrong with ``celery_beat_schedules`` and ``celery_beat_timezone``.

    :param scheduler: The kind of the scheduler, see ``beat.kind``.
    """
    found = zone_problems(ZONE_VARIABLE, timezone)
    if not isinstance(schedules, Mapping):
        fix = "set it to a mapping of names to periodic tasks"
        return [*found, Problem(VARIABLE, schedules, "not a mapping", fix)]
    for name, raw in schedules.items():
        found += _Reader(str(name), raw, str(timezone), scheduler).problems
    return found


def entries(schedules: Mapping[str, object], timezone: str, scheduler: str) -> dict[str, dict[str, Any]]:
    """Return the entries as the agent reads them, by name. Preflight has refused what is wrong."""
    return {str(name): _Reader(str(name), raw, timezone, scheduler).entry for name, raw in schedules.items()}


def zone_problems(variable: str, zone: object) -> list[Problem]:
    """Return why this is no time zone; a controller without time-zone data cannot tell."""
    known = zoneinfo.available_timezones()
    if isinstance(zone, str) and (zone in known or not known):
        return []
    near = did_you_mean(zone, known)
    fix = near if near.startswith("did") else "name one of the tz database, such as Europe/Berlin"
    return [Problem(variable, zone, "not a time zone", fix)]


def seconds(value: object) -> int | float | None:
    """Return the seconds of a number or a text such as ``90s``, ``15m``, ``2h``, ``1d``; None of others."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd]?)", str(value).strip())
    if isinstance(value, bool) or not match or not float(match[1]):
        return None
    found = float(match[1]) * UNITS[match[2]]
    return int(found) if found.is_integer() else found


class _Reader:
    """Reads one entry; keeps what the agent needs of it, and what is wrong with it."""

    def __init__(self, name: str, raw: object, timezone: str, scheduler: str) -> None:
        self.problems: list[Problem] = []
        self.entry: dict[str, Any] = {}
        self._path = f"{VARIABLE}.{name}"
        self._timezone = timezone
        if not isinstance(raw, Mapping):
            self._wrong("", raw, "not a mapping", "set it to one, {task: shop.mail.digest, every: 15m} say")
            return
        self._known("", raw, KEYS, "key")
        self._task(raw.get("task"))
        self._when(raw)
        self._arguments(raw.get("args"), raw.get("kwargs"))
        if raw.get("options") is not None:
            self._options(raw["options"], DJANGO_OPTIONS if scheduler == "django" else OPTIONS)
        if scheduler == "django":
            self._check_columns(name)

    def _wrong(self, key: str, value: object, what: str, fix: str) -> None:
        self.problems.append(Problem(f"{self._path}.{key}" if key else self._path, value, what, fix))

    def _known(self, path: str, raw: Mapping[str, Any], known: Sequence[str], what: str) -> None:
        for key in raw:
            if key not in known:
                fix = did_you_mean(key, known)
                self._wrong(f"{path}.{key}".lstrip("."), raw[key], f"unknown {what}", fix)

    def _task(self, task: object) -> None:
        self.entry["task"] = task
        if not isinstance(task, str) or not re.fullmatch(r"\S+", task):
            self._wrong("task", task or "", "not the name of a task", "set it to one, shop.mail.digest say")

    def _when(self, raw: Mapping[str, Any]) -> None:
        given = [key for key in WHEN if raw.get(key) is not None]
        if len(given) != 1:
            what = f"{' and '.join(given)} exclude each other" if given else "it does not say when"
            self._wrong("", list(raw), what, f"set one of {', '.join(WHEN)}")
            return
        key = given[0]
        readers = {"crontab": self._crontab, "every": self._every, "solar": self._solar}
        readers[key](raw[key])
        zone = raw.get("timezone")
        if key == "crontab":
            self.entry["timezone"] = zone or self._timezone
            if zone is not None:
                self.problems += zone_problems(f"{self._path}.timezone", zone)
        elif zone is not None:
            self._wrong("timezone", zone, f"{key} has no use for it", "leave it out, or use crontab")

    def _crontab(self, value: object) -> None:
        given = crontab.fields_of(value)
        if given is None:
            fix = "set it to five fields ('30 2 * * mon-fri'), or to a mapping such as {minute: 30, hour: 2}"
            self._wrong("crontab", value, "not a crontab", fix)
            return
        self._known("crontab", given, crontab.NAMES, "field")
        if "minute" not in given:
            self._wrong("crontab", value, "it would run each minute", "set minute, to '*' if that is meant")
        self.entry["crontab"] = texts = {name: given.get(name, "*") for name in crontab.NAMES}
        numbers = {}
        for field in crontab.FIELDS:
            try:
                numbers[field.name] = crontab.values(texts[field.name], field)
            except ValueError as error:
                sunday = field.name == "day_of_week" and "7" in texts[field.name]
                fix = "Sunday is 0, or sun" if sunday else f"fix {field.name}"
                self._wrong("crontab", value, f"{field.name}: {error}", fix)
        days, months = numbers.get("day_of_month"), numbers.get("month_of_year")
        if days and months and not crontab.occurs(days, months):
            fix = "fix day_of_month or month_of_year"
            self._wrong("crontab", value, "none of these months has that day", fix)

    def _every(self, value: object) -> None:
        self.entry["every"] = seconds(value)
        if self.entry["every"] is None:
            self._wrong("every", value, "not a length of time", LENGTH_FIX)

    def _solar(self, value: object) -> None:
        if not isinstance(value, Mapping):
            fix = "set it to one such as {event: sunset, latitude: 52.5, longitude: 13.4}"
            self._wrong("solar", value, "not a mapping", fix)
            return
        self._known("solar", value, SOLAR_KEYS, "key")
        event = value.get("event")
        if event not in SOLAR_EVENTS:
            fix = did_you_mean(event, SOLAR_EVENTS)
            self._wrong("solar.event", event or "", "not an event of the sun", fix)
        place = {}
        for key, most in (("latitude", 90), ("longitude", 180)):
            text = str(value.get(key, ""))
            place[key] = float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else None
            if place[key] is None or abs(float(text)) > most:
                fix = f"set it to degrees from -{most} to {most}; south and west are below 0"
                self._wrong(f"solar.{key}", text, f"not a {key}", fix)
        self.entry["solar"] = {"event": event, **place}

    def _arguments(self, args: object, kwargs: object) -> None:
        # Their values are not shown, for they may be secret.
        if args is not None and (isinstance(args, str) or not isinstance(args, Sequence)):
            self._wrong("args", "(hidden)", "not a list", "set it to the list of the task's arguments")
        if kwargs is not None and not isinstance(kwargs, Mapping):
            fix = "set it to the task's arguments by their names"
            self._wrong("kwargs", "(hidden)", "not a mapping", fix)
        self.entry.update({key: value for key, value in (("args", args), ("kwargs", kwargs)) if value})

    def _options(self, options: object, known: Sequence[str]) -> None:
        if not isinstance(options, Mapping):
            self._wrong("options", options, "not a mapping", "set it to one, {queue: mail, expires: 1h} say")
            return
        lost = [key for key in options if key in OPTIONS and key not in known]
        for key in lost:
            what = "django-celery-beat does not keep it"
            self._wrong(f"options.{key}", options[key], what, f"use only {', '.join(known)}")
        others = {key: value for key, value in options.items() if key not in lost}
        self._known("options", others, known, "option")
        self.entry["options"] = read = dict(options)
        for key in ("expires", "countdown"):
            if key in options:
                read[key] = seconds(options[key])
                if read[key] is None:
                    self._wrong(f"options.{key}", options[key], "not a length of time", LENGTH_FIX)
        if "priority" in options:
            read["priority"] = spec.whole(options["priority"])
            if read["priority"] is None or not 0 <= read["priority"] <= MOST_PRIORITY:
                fix = f"set it to 0 to {MOST_PRIORITY}"
                self._wrong("options.priority", options["priority"], "not a priority", fix)
        if not isinstance(options.get("queue", "celery"), str) or not options.get("queue", "celery"):
            self._wrong("options.queue", options["queue"], "not a queue", "name one")

    def _check_columns(self, name: str) -> None:
        """Refuse what does not fit django-celery-beat's tables."""
        if len(name) > LONGEST_NAME:
            what = f"django-celery-beat keeps names of {LONGEST_NAME} letters"
            self._wrong("", len(name), what, "shorten it")
        expires = self.entry.get("options", {}).get("expires")
        for key, value in (("every", self.entry.get("every")), ("options.expires", expires)):
            if isinstance(value, float):
                self._wrong(key, value, "django-celery-beat keeps whole seconds", "round it")
