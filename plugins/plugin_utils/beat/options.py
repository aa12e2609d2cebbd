# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What beat is asked to be: its scheduler, its lock, and how many hosts may have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..app import settings
from ..inventory import timers
from ..inventory.problems import Problem
from ..plan import spec
from . import schedule

GROUP = "celery_beat"
SCHEDULER = "celery_beat_scheduler"
# The options of an entry that say where its task is sent.
PLACE = ("queue", "exchange", "routing_key")
LOOP, LOCK = "celery_beat_loop_interval", "celery_beat_lock_timeout"
REDBEAT = "redbeat.RedBeatScheduler"
# The module and the package that a kind of scheduler needs in the app's release.
PACKAGES = {"redbeat": ("redbeat", "celery-redbeat"), "django": ("django_celery_beat", "django-celery-beat")}


@dataclass(frozen=True)
class Asked:
    """The role's variables; each field is the variable ``celery_beat_<field>``, but the last two.

    :param broker_url: ``celery_app_broker_url``, for preflight; None leaves it to the app's code.
    :param app_settings: ``celery_app_settings``.
    """

    scheduler: str
    schedules: Mapping[str, object]
    timezone: str
    loop_interval: object
    lock_timeout: object
    broker_url: str | None = None
    app_settings: Mapping[str, Any] | None = None


def kind(scheduler: str) -> str:
    """Return where a scheduler keeps its schedule: redbeat, django, file, or other when it is not known."""
    if scheduler.startswith("redbeat"):
        return "redbeat"
    if scheduler == "django" or scheduler.startswith("django_celery_beat"):
        return "django"
    return "file" if scheduler.startswith("celery.beat") else "other"


def problems(asked: Asked, groups: Mapping[str, Sequence[str]]) -> list[Problem]:
    """Return why beat cannot be as asked."""
    return [
        *_host_problems(asked, list(groups.get(GROUP) or ())),
        *_redis_problems(asked),
        *_timer_problems(asked),
        *schedule.problems(asked.schedules, asked.timezone, kind(asked.scheduler)),
    ]


def _host_problems(asked: Asked, hosts: list[str]) -> list[Problem]:
    """Return why several hosts cannot have beat: they need one schedule and one lock between them."""
    if len(hosts) <= 1 or kind(asked.scheduler) == "redbeat":
        return []
    reason, other = f"{asked.scheduler} knows of one host", f"set {SCHEDULER} to {REDBEAT}"
    if kind(asked.scheduler) == "django":
        if _redis_or_unknown(asked.broker_url):
            return []
        reason, other = "their lock needs a broker that is Redis", "use Redis"
    what = f"{len(hosts)} hosts would each send every periodic task, for {reason}"
    fix = f"keep one of {' and '.join(hosts)} in the group {GROUP}, or {other}"
    return [Problem(f"group {GROUP}", hosts, what, fix)]


def _redis_or_unknown(url: str | None) -> bool:
    return settings.transport(url) in ("redis", "")


def _redis_problems(asked: Asked) -> list[Problem]:
    own = (asked.app_settings or {}).get("redbeat_redis_url")
    if kind(asked.scheduler) != "redbeat" or own or _redis_or_unknown(asked.broker_url):
        return []
    what = "RedBeat keeps its schedule in Redis, and the broker is none"
    fix = "name one in celery_app_settings.redbeat_redis_url, or use another scheduler"
    return [Problem(SCHEDULER, asked.scheduler, what, fix)]


def _timer_problems(asked: Asked) -> list[Problem]:
    read = {LOOP: spec.whole(asked.loop_interval), LOCK: spec.whole(asked.lock_timeout)}
    given = {LOOP: asked.loop_interval, LOCK: asked.lock_timeout}
    wrong = [
        Problem(name, given[name], "not a whole number in its range", "set it to 1 or more seconds")
        for name, number in read.items()
        if number is None or number < 1
    ]
    loop, lock = (timers.Timer(name, read[name] or 0) for name in (LOOP, LOCK))
    return wrong or timers.refused(timers.Timers(loop=loop, lock=lock))


def document(asked: Asked) -> dict[str, Any]:
    """Return what the agent is told of beat."""
    return {
        "settings": {"beat_max_loop_interval": spec.whole(asked.loop_interval)},
        "lock_timeout": spec.whole(asked.lock_timeout),
        "schedules": schedule.entries(asked.schedules, asked.timezone, kind(asked.scheduler)),
    }


def sends(schedules: Mapping[str, object]) -> dict[str, dict[str, Any]]:
    """Return the task of each entry and where it is sent to; none of its arguments, which may be secret."""
    found = {}
    for name, raw in schedules.items():
        if isinstance(raw, Mapping) and isinstance(raw.get("task"), str):
            given = raw.get("options")
            told = given if isinstance(given, Mapping) else {}
            places = {key: told[key] for key in PLACE if isinstance(told.get(key), str)}
            found[str(name)] = {"task": raw["task"], "options": places}
    return found


def needs(scheduler: str, schedules: Mapping[str, object]) -> list[dict[str, str]]:
    """Return what has to be installed in the app's release, and which variable asks for it.

    Each has ``module``, ``package``, ``variable`` and ``value``.
    """
    found = []
    if kind(scheduler) in PACKAGES:
        module, package = PACKAGES[kind(scheduler)]
        found.append({"module": module, "package": package, "variable": SCHEDULER, "value": scheduler})
    for name, raw in schedules.items():
        if isinstance(raw, Mapping) and raw.get("solar") is not None:
            variable = f"{schedule.VARIABLE}.{name}.solar"
            value = str(raw["solar"])
            found.append({"module": "ephem", "package": "ephem", "variable": variable, "value": value})
            break
    return found
