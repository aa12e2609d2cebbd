# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the inventory asks of the whole fleet, read in one place with every default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypedDict, cast

from .. import naming
from ..beat import options
from ..broker import url
from ..plan import budget, planning, spec
from . import timers
from .problems import Problem

# The variables of each host: those of READ, each of its type and with its default.
Hostvars = Mapping[str, Mapping[str, Any]]
Groups = Mapping[str, Sequence[str]]

FLEET = "celery"
ROLE_GROUPS = ("celery_beat", "celery_broker", "celery_flower")
# Facts and results that the collection's own plays leave among a host's variables.
OUTPUTS = frozenset(
    (
        "celery_worker_files",
        "celery_host_look",
        "rollout_back_batch",
        "rollout_batch",
        "rollout_index",
    )
)


# What a role reads of others' variables: their names, and those under which the fleet's fact tells them.
OF_HOST = {
    "celery_host_user": "user",
    "celery_host_group": "group",
    "celery_app_directory": "directory",
    "celery_app_virtualenv": "virtualenv",
    "celery_app_log_destination": "log_destination",
    "celery_app_wheelhouse": "wheelhouse",
    "celery_app_packages": "packages",
    "celery_app_longest_countdown": "longest_countdown",
    "celery_worker_sandbox": "worker_sandbox",
    "celery_worker_sandbox_overrides": "worker_sandbox_overrides",
    "celery_beat_sandbox": "beat_sandbox",
    "celery_beat_sandbox_overrides": "beat_sandbox_overrides",
}
OF_BROKER = {
    "broker_type": "type",
    "broker_tls": "tls",
    "broker_key_prefix": "key_prefix",
    "broker_rabbitmq_queue_type": "queue_type",
    "broker_rabbitmq_consumer_timeout": "consumer_timeout",
    "broker_rabbitmq_delivery_limit": "delivery_limit",
}
# What the inventory gives to another role of the host is not the workers' either; 0 derives it.
OF_MEMORY = {
    "broker_memory_max_mb": "broker",
    "celery_beat_memory_max_mb": "beat",
    "flower_memory_max_mb": "flower",
}
QUEUES = "celery_worker_queues"
RESERVE, SETTINGS, URL = "celery_worker_reserve", "celery_app_settings", "broker_url"
SCHEDULER, SCHEDULES = "celery_beat_scheduler", "celery_beat_schedules"
OF_TIMERS = (
    "celery_app_task_soft_time_limit",
    "celery_app_task_time_limit",
    "celery_app_visibility_timeout",
    QUEUES,
)
READ = (*OF_HOST, *OF_BROKER, *OF_TIMERS, *OF_MEMORY, RESERVE, SETTINGS, URL, SCHEDULER, SCHEDULES)
# Celery's own settings that a plan depends on. Others may hold secrets, and the fact holds none.
OF_PLAN = ("task_acks_late", *planning.QUEUE_TYPE_SETTINGS)


class HostTimers(TypedDict):
    """The timers of one host's tasks in seconds; the visibility timeout is the same on every host."""

    soft_time_limit: int
    time_limit: int
    visibility_timeout: int


class BrokerOf(TypedDict):
    """The broker that a host reaches, as its own host describes it; an external one as this host does."""

    type: str
    tls: bool
    key_prefix: str
    queue_type: str
    consumer_timeout: int
    delivery_limit: int
    place: url.Place | None
    served: url.Served


class HostSettings(TypedDict):
    """What the roles of one host read of each other's variables, with every default, and the host's plan."""

    user: str
    group: str
    directory: str
    virtualenv: str
    log_destination: str
    wheelhouse: str
    packages: list[str]
    longest_countdown: int
    worker_sandbox: str
    worker_sandbox_overrides: dict[str, Any]
    beat_sandbox: str
    beat_sandbox_overrides: dict[str, Any]
    reserve: dict[str, Any]
    settings: dict[str, Any]
    beat_needs: list[dict[str, str]]
    beat_sends: dict[str, dict[str, Any]] | None
    broker: BrokerOf
    memory: dict[str, int]
    plan: Mapping[str, Any]
    leaving: list[str]


def host_settings(
    host: str,
    hostvars: Hostvars,
    groups: Groups,
    facts: Mapping[str, Any] | None = None,
    states: Mapping[str, Mapping[str, Any]] | None = None,
) -> HostSettings:
    """Return what the roles of a host read of each other's variables.

    :param hostvars: those of the host and of the brokers.
    :param facts: of the host.
    :param states: what each host has of Redis on its disk; others are missing.
    """
    own = hostvars[host]
    brokers = groups.get("celery_broker", ())
    of_broker = hostvars[brokers[0]] if brokers and not own[URL] else own
    broker = {key: of_broker[name] for name, key in OF_BROKER.items()}
    celery = own[SETTINGS]
    given = {key: own[name] for name, key in OF_MEMORY.items() if own[name]}
    settings = {name: celery[name] for name in OF_PLAN if name in celery}
    if broker["type"] == "rabbitmq":
        settings = {planning.QUEUE_TYPE_SETTINGS[0]: broker["queue_type"], **settings}
    beats = host in groups.get("celery_beat", ())
    found = {
        **{key: own[name] for name, key in OF_HOST.items()},
        "reserve": {**given, **own[RESERVE]},
        # Only whether there is one: it may hold a password.
        "settings": {**settings, "redbeat_redis_url": bool(celery.get("redbeat_redis_url"))},
        "beat_needs": options.needs(own[SCHEDULER], own[SCHEDULES]) if beats else [],
        "beat_sends": options.sends(own[SCHEDULES]) if beats else None,
        "broker": {
            **broker,
            "tls": broker["tls"] and broker["type"] != "external",
            **_reached(host, hostvars, groups, states or {}),
        },
        "memory": budget.role_memory(facts or {}),
        "plan": {},
        "leaving": [],
    }
    return cast(HostSettings, found)


def _reached(
    host: str, hostvars: Hostvars, groups: Groups, states: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Return where the host finds the broker, and what it is told that runs one; preflight tells why not."""
    found: dict[str, Any] = {"place": None, "served": {}}
    with suppress(ValueError):
        found["place"] = url.place(host, hostvars, groups)
        found["served"] = url.served(host, hostvars, groups, states)
    return found


def members(groups: Groups) -> list[str]:
    """Return the hosts of the fleet by the groups that are ours, each once."""
    ours = [
        name
        for name in groups
        if name == FLEET or name in ROLE_GROUPS or name.startswith(naming.GROUP_PREFIX)
    ]
    return list(dict.fromkeys(host for name in ours for host in groups[name]))


def consumed(hostvars: Hostvars, groups: Groups) -> list[str]:
    """Return the broker's queues that the workers of the whole fleet consume, as each host's inventory says.

    A queue that is wrong counts by its name: preflight refuses it.
    """
    serving = {name: set(groups[name]) for name in groups if name.startswith(naming.GROUP_PREFIX)}
    found: set[str] = set()
    for host in set().union(*serving.values()):
        for queue, raw in hostvars[host][QUEUES].items():
            if host in serving.get(naming.group_of(str(queue)), ()):
                listed = raw.get("consumes") if isinstance(raw, Mapping) else None
                found.update(map(str, listed) if isinstance(listed, list | tuple) else [str(queue)])
    return sorted(found)


def chosen_visibility(hostvars: Hostvars, hosts: Iterable[str]) -> int:
    """Return the longest visibility timeout in seconds that a host of the inventory sets; 0 for none."""
    return max((_seconds(hostvars[host], "celery_app_visibility_timeout") for host in hosts), default=0)


def fleet_timers(hostvars: Hostvars, groups: Groups, hosts: Iterable[str] = ()) -> dict[str, HostTimers]:
    """Return the timers of every host of the fleet.

    Redis delivers again by the shortest visibility timeout of any client, and a task may run on any host: so
    all have one, and it outlasts every limit and countdown that any host or queue sets.

    :param hosts: further hosts to tell of, that no group of ours names.
    Wrong figures count as their defaults: preflight refuses them.
    """
    named = list(dict.fromkeys([*members(groups), *hosts]))
    limits = {host: _limits(hostvars[host]) for host in named}
    chosen = chosen_visibility(hostvars, named)
    countdowns = [_seconds(hostvars[host], "celery_app_longest_countdown") for host in named]
    longest = [hard for _own, every in limits.values() for hard in every]
    derived = timers.visibility_timeout(longest, max(countdowns, default=0))
    return {
        host: HostTimers(
            soft_time_limit=own.soft,
            time_limit=own.hard,
            visibility_timeout=chosen or derived,
        )
        for host, (own, _every) in limits.items()
    }


def roles_of(host: str, groups: Groups) -> list[str]:
    """Return the roles whose checks concern a host of the fleet.

    Every host is asked of the queues, whose groups concern all, and of the broker, which it has to reach.
    """
    serves = any(host in groups[name] for name in groups if name.startswith(naming.GROUP_PREFIX))
    beats, flowers = (host in groups.get(name, ()) for name in ("celery_beat", "celery_flower"))
    return [
        "celery_host",
        "celery_worker",
        "broker",
        *(["celery_app"] if serves or beats else []),
        *(["celery_beat"] if beats else []),
        *(["logrotate"] if serves or beats else []),
        *(["flower"] if flowers else []),
    ]


def doubts(hostvars: Hostvars, groups: Groups) -> list[str]:
    """Return what an operator should know of the fleet, and may want."""
    brokers = [host for host in groups.get("celery_broker", ()) if host in hostvars]
    others = set(members(groups)) - set(brokers)
    if not brokers or not others or hostvars[brokers[0]].get("broker_tls"):
        return []
    return [
        Problem(
            "broker_tls",
            False,
            f"tasks and passwords of {len(others)} hosts cross the network in plain text",
            "set broker_tls to true for the group celery",
        ).text(brokers[0])
    ]


def _limits(variables: Mapping[str, Any]) -> tuple[planning.Defaults, list[int]]:
    """Return the limits of tasks whose queue sets none, and every hard limit of the host's queues."""
    asked = {
        "soft_time_limit": variables.get("celery_app_task_soft_time_limit"),
        "time_limit": variables.get("celery_app_task_time_limit"),
    }
    own, _wrong = planning.read_defaults(asked)
    queues = variables.get(QUEUES)
    queues = queues if isinstance(queues, Mapping) else {}
    read = [spec.read(str(name), raw, own.soft, own.hard)[0] for name, raw in queues.items()]
    return own, [own.hard, *(queue.time_limit for queue in read if queue)]


def _seconds(variables: Mapping[str, Any], name: str) -> int:
    return max(spec.whole(variables.get(name)) or 0, 0)
