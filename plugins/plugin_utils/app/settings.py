# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The Celery settings that lose no task, each with its reason, and the operator's over them.

Measured with celery 5.7, kombu 5.7 and Redis 7.0; "a run" stands for what was seen on lab hosts.
"""

from __future__ import annotations

import difflib
import re
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..broker import sentinel
from ..inventory import names
from ..inventory.names import ELSEWHERE
from ..inventory.problems import Problem

VARIABLE = "celery_app_settings"
REDIS_SCHEMES = ("redis", "rediss", "sentinel", "redis+socket")
AMQP_SCHEMES = ("amqp", "amqps", "pyamqp")
# These hold options of their own, so the operator's keys go beside ours and not in place of them.
MERGED = ("broker_transport_options", "result_backend_transport_options")
SECONDS_A_DAY = 86_400
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Setting:
    """A setting, its value, why it has that value, and where that is known from."""

    name: str
    value: Any
    why: str
    source: str = "Celery: Configuration and defaults"


@dataclass(frozen=True)
class Timeouts:
    """The timers of the fleet, in seconds."""

    soft_time_limit: int
    time_limit: int
    visibility_timeout: int


def usable_result_backend(url: str | None) -> str | None:
    """Return the URL when it can hold results: Redis can, RabbitMQ cannot; None leaves it to the code."""
    return url if transport(url) == "redis" else None


def transport(url: str | None) -> str:
    """Return redis, amqp or another scheme; empty when the URL is left to the code."""
    scheme = urlsplit(url or "").scheme
    if scheme in REDIS_SCHEMES:
        return "redis"
    return "amqp" if scheme in AMQP_SCHEMES else scheme


@dataclass(frozen=True)
class Own:
    """What is known of a broker that the fleet runs itself.

    :param key_prefix: ``broker_key_prefix``, which keys and channels of a Redis begin with.
    :param queue_type: of RabbitMQ's queues; empty leaves it to the app's code.
    :param ca_file: the CA of a RabbitMQ that speaks TLS. That of a Redis is in its URL.
    :param sentinels: the options by which a client finds the primary, see ``sentinel.options``.
    """

    key_prefix: str = ""
    queue_type: str = ""
    ca_file: str = ""
    sentinels: Mapping[str, Any] = field(default_factory=dict)


def safe_settings(
    timeouts: Timeouts, broker_url: str | None, result_backend: str | None, own: Own = Own()
) -> list[Setting]:
    """Return the settings that lose no task with this broker and result backend."""
    found = _tasks(timeouts) + _worker()
    if transport(broker_url) == "redis":
        options = {**_prefixed(own.key_prefix), **_behind(broker_url, own)}
        found += _redis_broker(timeouts, options, own.key_prefix)
        found += _sentinel_tls("broker_use_ssl", broker_url)
    if transport(broker_url) == "amqp":
        found += _amqp_broker(own)
    if transport(result_backend) == "redis":
        options = {**_prefixed(own.key_prefix), **_behind(result_backend, own)}
        found += _redis_results(timeouts, options)
        found += _sentinel_tls("redis_backend_use_ssl", result_backend)
    return found


def _behind(url: str | None, own: Own) -> dict[str, Any]:
    """Return the options by which a transport finds the primary, where Sentinels know it."""
    return dict(own.sentinels) if sentinel.is_url(url) else {}


def _sentinel_tls(name: str, url: str | None) -> list[Setting]:
    words = sentinel.tls(url or "") if sentinel.is_url(url) else {}
    why = "the result backend and RedBeat heed no words of such a URL"
    return [Setting(name, words, why, "celery/backends/redis.py")] if words else []


def _tasks(timeouts: Timeouts) -> list[Setting]:
    return [
        Setting(
            "task_acks_late",
            True,
            "a task whose worker dies is delivered again, not lost",
            "a run: with early acknowledgement a SIGKILL of the worker loses what runs",
        ),
        Setting(
            "task_reject_on_worker_lost",
            True,
            "acks_late alone acknowledges a task whose child process was killed: it would be lost",
            "a run: such a task ends as FAILURE and is gone",
        ),
        Setting(
            "task_soft_time_limit",
            timeouts.soft_time_limit,
            "a task that takes too long gets an exception after which it can tidy up",
        ),
        Setting(
            "task_time_limit",
            timeouts.time_limit,
            "a task that hangs ends, and with it a stop of its worker",
        ),
        Setting("task_serializer", "json", "data, not code", "Celery: Security, Serializers"),
        Setting("result_serializer", "json", "data, not code", "Celery: Security, Serializers"),
        Setting(
            "accept_content",
            ["json"],
            "whoever can write to the broker cannot run code in the worker, as pickle lets them",
            "Celery: Security, Serializers",
        ),
        Setting(
            "result_expires",
            SECONDS_A_DAY,
            "results that nobody fetches do not fill the backend's memory",
        ),
    ]


def _worker() -> list[Setting]:
    return [
        Setting(
            "worker_prefetch_multiplier",
            1,
            "a worker takes what it runs; the default of 4 holds back what another worker could run",
            "Celery: Optimizing, Prefetch limits; a run: with acks_late it hoards nothing",
        ),
        Setting(
            "worker_proc_alive_timeout",
            60.0,
            "a child that needs more than 4 s to start (heavy imports, many cores) is killed, for ever",
            "celery/concurrency/asynpool.py, PROC_ALIVE_TIMEOUT",
        ),
        Setting(
            "worker_eta_task_limit",
            1000,
            "tasks with a countdown wait in the worker's memory, and fill it without a limit",
            "Celery 5.6: worker_eta_task_limit; unknown to older versions, which ignore it",
        ),
        Setting("broker_connection_retry", True, "an outage of the broker ends by itself"),
        Setting(
            "broker_connection_retry_on_startup",
            True,
            "a worker that boots before its broker waits for it",
        ),
        Setting("broker_channel_error_retry", True, "a queue that is gone for a moment ends no worker"),
    ]


def _prefixed(key_prefix: str) -> dict[str, str]:
    """Return the option of a transport that keeps an app's keys apart, where a prefix is asked for."""
    return {"global_keyprefix": key_prefix} if key_prefix else {}


def _redis_broker(timeouts: Timeouts, options: Mapping[str, Any], key_prefix: str) -> list[Setting]:
    return [
        Setting(
            "broker_transport_options",
            {
                **options,
                "visibility_timeout": timeouts.visibility_timeout,
                "socket_keepalive": True,
                "socket_timeout": 5,
                "socket_connect_timeout": 5,
                "health_check_interval": 3,
                "max_connections": 1000,
            },
            "a message is delivered again only after every limit; a dead connection is noticed in seconds;"
            " greenlets that end at once acknowledge over a connection each",
            "Celery: Using Redis, Visibility timeout; a run: a worker whose connections fall silent consumes"
            " again after 6 s, with kombu's interval of 25 and a socket timeout of 30 after 50 s; a run: with"
            " kombu's limit of 10, of 60 greenlets that end while Redis pauses 50 run twice",
        ),
        Setting(
            "worker_cancel_long_running_tasks_on_connection_loss",
            False,
            "Redis takes the acknowledgement after the reconnect, so a task that runs may finish",
            "a run: with True, tasks that would have been acknowledged are killed",
        ),
        *(
            [Setting("redbeat_key_prefix", f"{key_prefix}redbeat:", "the broker's users have no other keys")]
            if key_prefix
            else []
        ),
    ]


def _amqp_broker(own: Own) -> list[Setting]:
    quorum = own.queue_type == "quorum"
    return [
        Setting(
            "broker_transport_options",
            {"confirm_publish": True},
            "a send that the broker has not taken is an error for the sender, not a lost task",
            "celery#9149",
        ),
        Setting(
            "worker_cancel_long_running_tasks_on_connection_loss",
            True,
            "RabbitMQ delivers an unacknowledged task again at once: it would run twice",
        ),
        *(_quorum_queues() if quorum else []),
        *([_amqp_tls(own.ca_file)] if own.ca_file else []),
    ]


def _quorum_queues() -> list[Setting]:
    source = "Celery: Using RabbitMQ, Quorum queues; celery/app/amqp.py, Queues.new_missing"
    delayed = "RabbitMQ delays a countdown or ETA itself; through a direct exchange the worker would hold it"
    return [
        Setting("task_default_queue_type", "quorum", "each task is on a majority of the nodes", source),
        Setting("task_create_missing_queue_type", "quorum", "so too in the queues of -Q", source),
        Setting("task_default_exchange_type", "topic", delayed, "kombu/transport/native_delayed_delivery.py"),
        Setting("task_create_missing_queue_exchange_type", "topic", delayed, source),
    ]


def _amqp_tls(ca_file: str) -> Setting:
    # Words of py-amqp; a name of null is that of the node in the URL.
    words = {"ca_certs": ca_file, "cert_reqs": int(ssl.CERT_REQUIRED), "server_hostname": None}
    return Setting("broker_use_ssl", words, "the broker is the fleet's own", "py-amqp: SSLTransport")


def _redis_results(timeouts: Timeouts, options: Mapping[str, Any]) -> list[Setting]:
    return [
        Setting(
            "result_backend_transport_options",
            {**options, "visibility_timeout": timeouts.visibility_timeout},
            "the shortest visibility timeout of any client of a Redis rules",
            "Celery: Using Redis, Visibility timeout",
        ),
        Setting("result_backend_always_retry", True, "a result survives an outage of the backend"),
        Setting("redis_socket_keepalive", True, "a dead connection is noticed"),
        Setting("redis_socket_timeout", 15.0, "a backend that hangs holds a task for 15 s, not for 120"),
        Setting("redis_socket_connect_timeout", 5.0, "a host that is gone is noticed"),
        Setting("redis_retry_on_timeout", True, "one slow answer costs no result"),
        Setting(
            "redis_backend_health_check_interval",
            5,
            "a dead connection is noticed",
            "celery/backends/redis.py",
        ),
    ]


def celery_settings(
    overrides: Mapping[str, Any],
    timeouts: Timeouts,
    broker_url: str | None,
    result_backend: str | None,
    own: Own = Own(),
) -> dict[str, Any]:
    """Return the settings for the app: the safe ones, with the operator's over them.

    :param overrides: ``celery_app_settings``. A null leaves a setting to the app's code; the options of a
        transport are merged key by key.
    """
    safe = safe_settings(timeouts, broker_url, result_backend, own)
    merged = {item.name: item.value for item in safe}
    for name, value in overrides.items():
        if name in MERGED and isinstance(value, Mapping):
            options = {**merged.get(name, {}), **value}
            merged[name] = {key: option for key, option in options.items() if option is not None}
        elif value is None:
            merged.pop(name, None)
        else:
            merged[name] = value
    return dict(sorted(merged.items()))


def settings_problems(overrides: object, foreign: Collection[str] = ()) -> list[Problem]:
    """Return what is wrong with the operator's settings.

    :param foreign: names that the app's own code reads, ``celery_app_foreign_settings``.
    """
    if not isinstance(overrides, Mapping):
        fix = "set it to a mapping such as {result_extended: true}"
        return [Problem(VARIABLE, overrides, "not a mapping of Celery settings", fix)]
    problems = []
    for name, value in overrides.items():
        variable = f"{VARIABLE}.{name}"
        if name in foreign:
            continue
        if not _NAME.fullmatch(str(name)):
            nearest = _new_name(str(name))
            fix = f"write {nearest}" if nearest else "use the lower-case name of Celery's documentation"
            problems.append(Problem(variable, value, "not a lower-case name of a Celery setting", fix))
        elif name in ELSEWHERE:
            what = "the fleet reads this elsewhere too, so it must be set there"
            problems.append(Problem(variable, value, what, f"set {ELSEWHERE[str(name)]}"))
        elif name in MERGED and isinstance(value, Mapping) and "visibility_timeout" in value:
            what = "it has to agree with the time limits"
            key = "visibility_timeout"
            problems.append(Problem(f"{variable}.{key}", value[key], what, f"set {ELSEWHERE[key]}"))
    named = {name: value for name, value in overrides.items() if _NAME.fullmatch(str(name))}
    return problems + names.unknown_settings(named, {*foreign, *ELSEWHERE})


def _new_name(name: str) -> str:
    """Return the nearest setting known here to an old upper-case name, as Django projects write them."""
    timeouts, quorum = Timeouts(0, 0, 0), Own(queue_type="quorum")
    every = safe_settings(timeouts, "redis://", "redis://") + safe_settings(timeouts, "amqp://", None, quorum)
    known = [*(item.name for item in every), *ELSEWHERE]
    lower = name.lower().removeprefix("celery_").removeprefix("celeryd_")
    near = difflib.get_close_matches(lower, known, n=1)
    return near[0] if near else ""
