# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What RedBeat and django-celery-beat need beside a schedule. Neither has to be installed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from celery.schedules import solar
from kombu.utils.url import parse_url

from celeryops_agent.lease import Lease
from celeryops_agent.schedules import ZonedCrontab, fields_of, restored
from celeryops_agent.settings import lay_over

#: The description of a periodic task of the inventory, in the database and so in the admin.
MARK = "From the inventory (celery_beat_schedules): what is changed here does not last."

#: Seconds for one step of RedBeat's with its Redis; it has no limit of its own.
TIMEOUT = 5.0

#: Where a Sentinel listens whose URL does not say it, as for Celery's own transport.
SENTINEL_PORT = 26379


def is_redbeat(scheduler: object) -> bool:
    """Whether this names RedBeat's scheduler, as a class or as ``--scheduler`` takes it."""
    return _name(scheduler).startswith("redbeat")


def is_django(scheduler: object) -> bool:
    """Whether this names django-celery-beat's scheduler, as a class or as ``--scheduler`` takes it."""
    return _name(scheduler) == "django" or _name(scheduler).startswith("django_celery_beat")


def _name(scheduler: object) -> str:
    return scheduler if isinstance(scheduler, str) else getattr(scheduler, "__module__", "")


def redbeat_lease(app: Any, seconds: float) -> Lease:
    """The lease in RedBeat's place: the same key in the same Redis, so that a RedBeat elsewhere heeds it.

    RedBeat's own ends beat when Redis restarts, and does not see whether a tick was sent by another.
    """
    conf = app.conf
    prefix = conf.get("redbeat_key_prefix") or "redbeat:"
    key = conf.get("redbeat_lock_key") or f"{prefix}:lock"
    lay_over(conf, {"redbeat_lock_key": None})  # it takes none
    for name, value in _redbeat_connection(app).items():
        if name not in conf:
            conf[name] = value
    _fix_codec()

    def connect() -> tuple[Any, Callable[[], None]]:
        from redbeat import schedulers  # noqa: PLC0415

        return schedulers.get_redis(app), lambda: None

    return Lease(connect, key if key.startswith(prefix) else prefix + key, seconds)


def _redbeat_connection(app: Any) -> dict[str, Any]:
    """RedBeat's settings for the Redis that is the app's broker; empty when it is none."""
    if app.connection_for_write().transport.driver_type != "redis":
        return {}
    bounds = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT, "socket_keepalive": True}
    url = str(app.conf.broker_write_url or app.conf.broker_url)
    if not url.startswith("sentinel"):
        return {"redbeat_redis_url": url, "redbeat_redis_options": bounds}
    sentinels = [parse_url(each) for each in url.split(";")]
    options = app.conf.broker_transport_options or {}
    return {
        "redbeat_redis_url": "redis-sentinel://",
        "redbeat_redis_options": {
            **bounds,
            "sentinels": [(each["hostname"], each["port"] or SENTINEL_PORT) for each in sentinels],
            "service_name": options.get("master_name"),
            "sentinel_kwargs": options.get("sentinel_kwargs"),
            "username": sentinels[0]["userid"],
            "password": sentinels[0]["password"],
            "db": int(sentinels[0]["virtual_host"] or 0),
        },
    }


def _fix_codec() -> None:
    """Let RedBeat keep what it has no words for, a zoned crontab and a solar event, and times in UTC.

    In a zone with daylight saving it writes the repeated hour as the first one.
    """
    from redbeat import decoder, schedulers  # noqa: PLC0415

    class Encoder(decoder.RedBeatJSONEncoder):
        def default(self, obj: Any) -> Any:
            if isinstance(obj, ZonedCrontab):
                return {"__type__": "celeryops.crontab", "timezone": obj.timezone, "fields": fields_of(obj)}
            if isinstance(obj, solar):
                return {"__type__": "celeryops.solar", "event": obj.event, "lat": obj.lat, "lon": obj.lon}
            if isinstance(obj, datetime) and obj.tzinfo is not None:
                obj = obj.astimezone(timezone.utc)
            return super().default(obj)  # type: ignore[no-untyped-call]

    class Decoder(decoder.RedBeatJSONDecoder):
        def dict_to_object(self, d: Any) -> Any:
            if d.get("__type__") == "celeryops.crontab":
                return restored(d["timezone"], d["fields"])
            if d.get("__type__") == "celeryops.solar":
                return solar(d["event"], d["lat"], d["lon"])
            return super().dict_to_object(d)  # type: ignore[no-untyped-call]

    vars(schedulers).update(RedBeatJSONEncoder=Encoder, RedBeatJSONDecoder=Decoder)


def django_entries(entries: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The entries in django-celery-beat's words, marked as the inventory's."""
    return {name: {**entry, "options": _django_options(entry["options"]), "description": MARK}
            for name, entry in entries.items()}  # fmt: skip


def _django_options(options: Mapping[str, Any]) -> dict[str, Any]:
    return {"expire_seconds" if key == "expires" else key: value for key, value in options.items()}


def forget_django_entries(keep: Iterable[str]) -> None:
    """Remove the periodic tasks from the database that were the inventory's and are not any more."""
    from django_celery_beat.models import PeriodicTask  # noqa: PLC0415

    PeriodicTask.objects.filter(description=MARK).exclude(name__in=list(keep)).delete()
