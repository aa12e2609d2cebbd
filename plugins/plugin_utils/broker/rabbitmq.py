# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The RabbitMQ of a fleet: its nodes, its users with what each part of Celery needs, and its policies.

Found with celery 5.7, kombu 5.7 and RabbitMQ 3.10 and 4.0. Sources: rabbitmq.com, "Access Control", "Quorum
Queues", "Memory Alarms", "Clustering"; kombu's native_delayed_delivery.py and pidbox.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ansible_collections.celeryops.systemd.plugins.module_utils.rabbitmq import ADMIN

from ..inventory.problems import Problem
from ..plan import spec

WORKER, MONITOR = "celery", "celery-monitor"
PORT, TLS_PORT = 5672, 5671
VHOST = "celery"
DATA = "/var/lib/rabbitmq"
QUEUE_TYPES = ("quorum", "classic")
# The exchange and the queue of what could not be delivered.
DEAD = "dead-letters"
DEAD_DAYS, MOST_DEAD = 14, 100_000
DELIVERY_LIMIT = 20
MOST_LOOKS = 1_000_000

# The Erlang VM with the management plugin takes some 150 MB at rest, and may double what it holds while it
# tidies up: "Memory Alarms" says at most 0.7 of what is there.
LEAST_MEMORY_MB = 256
WATERMARK_PERCENT = 60
# Quorum queues keep in memory what their log holds: "Quorum Queues", resource use.
LEAST_WAL_MB, MOST_WAL_MB, WAL_SHARE = 16, 512, 8
SECONDS_A_DAY, MILLISECONDS = 86_400, 1000
DAY_MS = SECONDS_A_DAY * MILLISECONDS
LEAST_CLUSTER = 3

# What Celery makes beside the queues of tasks: remote control, events, replies of the rpc backend.
_REPLIES = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CONTROL = r"(.*\.)?celery\.pidbox|celeryev(\..*)?"
_DELAYED = r"celery_delayed_(\d+|delivery)"
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_SETTING = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SALTED_HASH = re.compile(r"[A-Za-z0-9+/]{48}")
# Settings of rabbitmq.conf that another variable decides, or that the role's promises rest on.
OWN_SETTINGS = {
    "listeners": "set broker_bind and broker_port",
    "ssl_options": "set broker_tls",
    "vm_memory_high_watermark": "set broker_memory_max_mb",
    "management": "leave it out: it listens on loopback only",
    "cluster_formation": "set the group celery_broker",
    "cluster_partition_handling": "leave it out: any other than pause_minority may lose queues",
    "default_user": "set broker_rabbitmq_users",
    "default_pass": "set broker_rabbitmq_users",
    "load_definitions": "set broker_rabbitmq_users",
    "definitions": "set broker_rabbitmq_users",
    "consumer_timeout": "set broker_rabbitmq_consumer_timeout",
}
# Variables that mean something for Redis only, with what to use instead.
REDIS_ONLY = {
    "previous_passwords": "RabbitMQ has one password for a user",
    "default_user": "RabbitMQ lets in nobody without a name",
    "key_prefix": "set broker_rabbitmq_vhost",
    "redis_users": "set broker_rabbitmq_users",
    "redis_settings": "set broker_rabbitmq_settings",
    "maxmemory_mb": "set broker_memory_max_mb",
}


@dataclass(frozen=True)
class Asked:
    """The variables ``broker_rabbitmq_<field>``.

    consumer_timeout: seconds, that of the inventory or the one that agrees with the time limits.
    """

    vhost: str = VHOST
    cookie: str = ""
    queue_type: str = "quorum"
    delivery_limit: int = DELIVERY_LIMIT
    consumer_timeout: int = 0
    users: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Limits:
    """What a RabbitMQ may use, in MB, by what its unit may use."""

    memory_max_mb: int

    @property
    def watermark_mb(self) -> int:
        """Above this it takes no more messages until consumers have taken some."""
        return self.memory_max_mb * WATERMARK_PERCENT // 100

    @property
    def wal_mb(self) -> int:
        """The log of all quorum queues, before it is written to each queue's own."""
        return min(max(self.memory_max_mb // WAL_SHARE, LEAST_WAL_MB), MOST_WAL_MB)

    @property
    def disk_free_mb(self) -> int:
        """Below this much free disk it takes no more messages: what is in memory has to fit there."""
        return self.memory_max_mb


def url(places: Sequence[str], port: int, user: str, password: str, vhost: str, tls: bool = False) -> str:
    """Return the URL of the nodes, as Celery takes it; password and vhost may hold any character."""
    scheme = "amqps" if tls else "amqp"
    login = f"{user}:{quote(password, safe='')}@" if password else ""
    return ";".join(
        f"{scheme}://{login}{f'[{place}]' if ':' in place else place}:{port}/{quote(vhost, safe='')}"
        for place in places
    )


def in_turn(places: Sequence[str], host: str, hosts: Iterable[str]) -> list[str]:
    """Return the places, another one first for each host, so that every node has its share of them."""
    ordered = sorted(hosts)
    first = ordered.index(host) % len(places) if host in ordered else 0
    return [*places[first:], *places[:first]]


def node(place: str, single: bool) -> str:
    """Return the name of a node. A single one keeps its data when its host is renamed."""
    return "rabbit@localhost" if single else f"rabbit@{place}"


def is_long(places: Iterable[str]) -> bool:
    """Tell whether the nodes go by names with a dot in them, which Erlang has to be told."""
    return any("." in place for place in places)


def settings(
    bind: Sequence[str], port: int, tls_directory: str, limits: Limits, places: Sequence[str], asked: Asked
) -> dict[str, Any]:
    """Return the settings of rabbitmq.conf.

    Args:
        bind: Addresses to listen on.
        port: Where it listens on each of them.
        tls_directory: Where the certificate is; empty for none.
        limits: What it may use.
        places: Where the nodes of a cluster are, or the only one.
        asked: The role's variables.
    """
    listeners = [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address in bind]
    found: dict[str, Any] = {"log.file": "false", "log.console": "true"}
    kind = "ssl" if tls_directory else "tcp"
    found |= {f"listeners.{kind}.{number}": place for number, place in enumerate(listeners, 1)}
    if tls_directory:
        found |= {
            "listeners.tcp": "none",
            "ssl_options.cacertfile": "/etc/ssl/celery-broker-ca.pem",
            "ssl_options.certfile": f"{tls_directory}/server.pem",
            "ssl_options.keyfile": f"{tls_directory}/server.pem",
            "ssl_options.verify": "verify_none",
            "ssl_options.fail_if_no_peer_cert": "false",
        }
    found |= {
        "management.tcp.ip": "127.0.0.1",
        "management.tcp.port": 15672,
        "vm_memory_high_watermark.absolute": f"{limits.watermark_mb}MB",
        "disk_free_limit.absolute": f"{limits.disk_free_mb}MB",
        "raft.wal_max_size_bytes": limits.wal_mb * 1024 * 1024,
        # For a RabbitMQ before 3.12, which knows no policy for it. In whole days, as a change restarts it.
        "consumer_timeout": -(-max(asked.consumer_timeout, 1) // SECONDS_A_DAY) * DAY_MS,
    }
    if len(places) > 1:
        found |= {
            "cluster_formation.peer_discovery_backend": "classic_config",
            "cluster_partition_handling": "pause_minority",
            **{
                f"cluster_formation.classic_config.nodes.{number}": node(place, single=False)
                for number, place in enumerate(places, 1)
            },
        }
    return {**found, **asked.settings}


def environment(place: str, places: Sequence[str]) -> dict[str, str]:
    """Return what rabbitmq-env.conf sets, for the server and for rabbitmqctl."""
    single = len(places) < LEAST_CLUSTER
    found = {"NODENAME": node(place, single), "MNESIA_BASE": f"{DATA}/celery"}
    if single:
        # Nodes speak to each other here, and there is none but this.
        found["SERVER_ADDITIONAL_ERL_ARGS"] = '"-kernel inet_dist_use_interface {127,0,0,1}"'
    elif is_long(places):
        found["USE_LONGNAME"] = "true"
    return found


def users(password: str, monitor_password: str, asked: Asked) -> dict[str, dict[str, Any]]:
    """Return the users by name: how each logs in, its tags, and the names it may make, fill and read."""
    found = {WORKER: {"password": password, "tags": [], **_rights(worker_rights())}}
    if monitor_password:
        found[MONITOR] = {"password": monitor_password, "tags": [], **_rights(monitor_rights())}
    for name, user in asked.users.items():
        found[name] = {"tags": [], **_rights(("", "", "")), **user}
    return found


def _rights(rights: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("configure", "write", "read"), rights, strict=True))


def worker_rights() -> tuple[str, str, str]:
    """Return what workers, beat and senders may make, fill and read: all but the dead letters."""
    return rf"^(?!amq\.|{DEAD}$)", f"^(?!{DEAD}$)", rf"^(?!amq\.|{DEAD}$)"


def monitor_rights() -> tuple[str, str, str]:
    """Return what Flower may: hear events, ask workers and hear their replies; no task is sent or taken."""
    own = f"^({_CONTROL})$"
    return own, own, own


def policies(asked: Asked) -> dict[str, dict[str, Any]]:
    """Return the policies of the vhost by name, each as the management API takes it.

    ``consumer-timeout`` is there for a RabbitMQ that knows it.
    """
    tasks: dict[str, Any] = {"consumer-timeout": asked.consumer_timeout * MILLISECONDS}
    if asked.queue_type == "quorum":
        tasks |= {
            "delivery-limit": asked.delivery_limit,
            "dead-letter-exchange": DEAD,
            # Kept until the queue of dead letters has it; for that RabbitMQ wants `overflow` to be this.
            "dead-letter-strategy": "at-least-once",
            "overflow": "reject-publish",
        }
    dead = {
        "message-ttl": DEAD_DAYS * DAY_MS,
        "max-length": MOST_DEAD,
        "overflow": "drop-head",
        # Who looks at one puts it back, and RabbitMQ 4 would drop it after the 20th look.
        "delivery-limit": MOST_LOOKS,
    }
    return {
        "tasks": _policy(rf"^(?!({DEAD}|{_CONTROL}|{_DELAYED}|{_REPLIES})$)", tasks),
        DEAD: _policy(f"^{DEAD}$", dead),
    }


def _policy(pattern: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    return {"pattern": pattern, "apply-to": "queues", "priority": 0, "definition": dict(definition)}


def read(raw: Mapping[str, Any]) -> tuple[Asked, list[Problem]]:
    """Return the role's variables, and which of them are no numbers."""
    numbers = {name: spec.whole(raw[name]) for name in ("delivery_limit", "consumer_timeout") if name in raw}
    wrong = [name for name, number in numbers.items() if number is None or number < 1]
    good: dict[str, Any] = {**raw, **numbers}
    return Asked(**{name: value for name, value in good.items() if name not in wrong}), [
        Problem(f"broker_rabbitmq_{name}", raw[name], "not a whole number of at least 1", "set one")
        for name in wrong
    ]


def problems(
    asked: Asked, others: Mapping[str, Any], places: Mapping[str, str], password: str
) -> list[Problem]:
    """Return what is wrong with the RabbitMQ that is asked for; no problem holds a secret.

    Args:
        asked: The variables ``broker_rabbitmq_*``.
        others: The other variables of the role, without their prefix.
        places: Where the nodes find each other, by host.
        password: The workers'.
    """
    found = [
        Problem(f"broker_{name}", "(hidden)", "of no effect with RabbitMQ", f"leave it out: {fix}")
        for name, fix in REDIS_ONLY.items()
        if others.get(name)
    ]
    if not password:
        what = "RabbitMQ lets in nobody without a password"
        found.append(Problem("broker_password", "", what, "set it"))
    if asked.queue_type not in QUEUE_TYPES:
        fix = f"use one of {', '.join(QUEUE_TYPES)}"
        found.append(Problem("broker_rabbitmq_queue_type", asked.queue_type, "no such type", fix))
    found += _cluster_problems(asked, places)
    found += [problem for name, user in asked.users.items() for problem in _user(str(name), user)]
    found += [
        Problem(f"broker_rabbitmq_settings.{name}", value, "not set here", fix)
        for name, value in asked.settings.items()
        for own, fix in OWN_SETTINGS.items()
        if name == own or name.startswith(f"{own}.")
    ]
    return found + [
        Problem(f"broker_rabbitmq_settings.{name}", value, what, "write it as rabbitmq.conf has it")
        for name, value in asked.settings.items()
        if (what := _no_line(str(name), value))
    ]


def _no_line(name: str, value: object) -> str:
    """Return why a setting would not be a line of rabbitmq.conf, from whose values spaces are cut."""
    if not _SETTING.fullmatch(name):
        return "not the name of a setting"
    if isinstance(value, (Mapping, list)) or not str(value).strip() or str(value) != str(value).strip():
        return "not the value of a setting"
    return "what follows # would be a comment" if "#" in str(value) else ""


def _cluster_problems(asked: Asked, places: Mapping[str, str]) -> list[Problem]:
    if len(places) == 1:
        return []
    hosts = list(places)
    if len(places) < LEAST_CLUSTER or len(places) % 2 == 0:
        what = f"{len(places)} nodes have no majority when one half is lost"
        return [Problem("group celery_broker", hosts, what, "put 1, 3 or 5 hosts in it")]
    found = []
    if not asked.cookie:
        what = "the nodes of a cluster know each other by it"
        fix = "make one (openssl rand -hex 24) and keep it with ansible-vault"
        found.append(Problem("broker_rabbitmq_cookie", "", what, fix))
    if is_long(places.values()) and not all("." in place for place in places.values()):
        what = "some nodes go by a name with a dot and some without, and Erlang takes one kind"
        found.append(Problem("broker_address", list(places.values()), what, "use one kind for all of them"))
    if any(":" in place for place in places.values()):
        what = "a node's name cannot be an address of IPv6"
        found.append(Problem("broker_address", list(places.values()), what, "use names, or IPv4"))
    return found


def _user(name: str, user: object) -> list[Problem]:
    variable = f"broker_rabbitmq_users.{name}"
    if name in (ADMIN, WORKER, MONITOR) or not _NAME.fullmatch(name):
        what = "the role's own" if _NAME.fullmatch(name) else "not a name of letters, digits and _.-"
        return [Problem(variable, "(hidden)", what, "choose another name")]
    keys = {"password", "password_hash", "tags", "configure", "write", "read"}
    if not isinstance(user, Mapping) or set(user) - keys:
        return [Problem(variable, "(hidden)", "not a user", f"give it some of {', '.join(sorted(keys))}")]
    if bool(user.get("password")) == bool(user.get("password_hash")):
        return [Problem(variable, "(hidden)", "one of password and password_hash is needed", "give one")]
    if user.get("password_hash") and not _SALTED_HASH.fullmatch(str(user["password_hash"])):
        what = "not a salted SHA-256 of RabbitMQ"
        fix = "take it from rabbitmqctl hash_password"
        return [Problem(f"{variable}.password_hash", "(hidden)", what, fix)]
    return []
