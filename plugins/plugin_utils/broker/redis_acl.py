# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The users of the fleet's Redis, each with the commands, keys and channels that its part of Celery uses.

Found with celery 5.7, kombu 5.7, Flower 2.2 and celery-redbeat 2.4 by looking at ``ACL LOG`` under every kind
of task (tests/integration/broker). Source of the language: redis.io, "ACL".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils.redis_users import ADMIN

from ..inventory.problems import Problem

WORKER = "celery"
MONITOR = "celery-monitor"
DEFAULT = "default"
# Of several hosts: a replica at its primary, and a Sentinel at every Redis and at its like.
REPLICA = "celery-replica"
SENTINEL = "celery-sentinel"

# What an end of a connection does, as CLIENT SETINFO of newer clients; not CLIENT KILL, LIST or PAUSE.
_CONNECTION = "+@connection -@dangerous"
_PUBSUB = "+publish +subscribe +unsubscribe +psubscribe +punsubscribe"
_TRANSACTION = "+multi +exec +discard +watch +unwatch"
# INFO tells every host at preflight whether queues are safe here.
_SCRIPT = "+evalsha +script|load +script|exists +time +info"
_WORKER_COMMANDS = (
    "+lpush +rpush +brpop +rpop +llen +lrange +lindex +lpos +del +unlink +exists +type +expire +pexpire "
    "+ttl +pttl +hset +hsetnx +hget +hgetall +hdel +hlen +zadd +zrem +zrange +zrangebyscore "
    "+zrevrangebyscore +zcount +zcard +zrank +zscore +sadd +srem +smembers +sismember +scard +get +mget +set "
    "+setex +incr +decr +blmove"
)
# Reads anything of the fleet's; writes where the replies to its own questions are.
_MONITOR_COMMANDS = (
    "+llen +get +mget +exists +type +ttl +smembers +hlen +zcard +zcount +zrange +zrevrangebyscore "
    "+zrangebyscore +brpop +rpop +del +pexpire +set +sadd +srem +zadd +zrem +client|list"
)
# To write a binding is to get what the exchange gets, so each is named: those of control and of events alone.
_MONITOR_EXCHANGES = ("celery.pidbox", "reply.celery.pidbox", "celeryev")
_MONITOR_WRITES = (
    "*.reply.celery.pidbox*",
    "celeryev.*",
    "unacked_mutex",
    "_kombu.binding_deadlines",
    *(f"_kombu.binding.{exchange}" for exchange in _MONITOR_EXCHANGES),
    *(f"_kombu.binding_permanent.{exchange}" for exchange in _MONITOR_EXCHANGES),
)
# A pattern that is subscribed to has to be here letter by letter; a channel only has to match.
_CHANNELS = ("/0.celery.pidbox", "/0.celeryev/*", "/0.celeryev/worker.*", "celery-task-meta-*")

# Nobody can log in as who is off. But it is as ``default`` that Redis reads its append-only file at its
# start, and leaves out each transaction that this user may not do: what is unacknowledged, results, the
# schedule of RedBeat (seen with Redis 7.0 and 8.0).
_NOBODY = "off ~* &* +@all"
# redis.io, "High availability with Redis Sentinel": Redis Access Control List authentication.
_REPLICA_RULES = "+psync +replconf +ping"
_SENTINEL_RULES = (
    "&__sentinel__:hello +multi +exec +slaveof +ping +subscribe +publish +config|rewrite +role +info "
    "+client|setname +client|kill +script|kill"
)
# At a Sentinel: who may only ask where the primary is, and its like.
_ASK_SENTINEL = (
    f"{_CONNECTION} +info +role +sentinel|get-master-addr-by-name +sentinel|master +sentinel|masters "
    "+sentinel|replicas +sentinel|slaves +sentinel|sentinels +sentinel|ckquorum"
)
_SENTINEL_TO_SENTINEL = f"&* {_CONNECTION} +info +role +publish +subscribe +sentinel"

_PREFIX = re.compile(r"[A-Za-z0-9_.:-]*[:_.-]")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Access:
    """Who may use the fleet's Redis; each field is the variable ``broker_<field>``."""

    password: str
    monitor_password: str = ""
    replica_password: str = ""
    previous_passwords: Sequence[str] = ()
    default_user: bool = False
    key_prefix: str = ""
    redis_users: Mapping[str, str] = field(default_factory=dict)


def read(asked: Mapping[str, Any]) -> Access:
    """Return the access that the role's variables ask for; other variables are left aside."""
    return Access(
        password=str(asked["password"]),
        monitor_password=str(asked["monitor_password"]),
        replica_password=str(asked["replica_password"]),
        previous_passwords=[str(password) for password in asked["previous_passwords"]],
        default_user=bool(asked["default_user"]),
        key_prefix=str(asked["key_prefix"]),
        redis_users={str(name): str(rules) for name, rules in asked["redis_users"].items()},
    )


def prefix_problems(prefix: str) -> list[Problem]:
    """Return why keys cannot begin with ``prefix``: Celery itself would add a mark at its end."""
    if not prefix or _PREFIX.fullmatch(prefix):
        return []
    what = "not letters and digits with one of : _ . - at the end"
    return [Problem("broker_key_prefix", prefix, what, "write it like shop:")]


def problems(access: Access) -> list[Problem]:
    """Return what is wrong with the passwords and users; no problem holds a password."""
    passwords = {
        "broker_password": access.password,
        "broker_monitor_password": access.monitor_password,
        **{f"broker_previous_passwords.{n}": one for n, one in enumerate(access.previous_passwords)},
    }
    found = [
        Problem(
            variable,
            password,
            "the placeholder is not a password",
            "make one (openssl rand -hex 24) and keep it with ansible-vault",
        )
        for variable, password in passwords.items()
        if re.fullmatch(r"your_\w+_here", password)
    ]
    if not access.password and any(passwords.values()):
        named = next(variable for variable, password in passwords.items() if password)
        what = "without broker_password every client may do what a worker may"
        found.append(Problem(named, "(hidden)", what, "set broker_password too"))
    return found + [problem for name, rules in access.redis_users.items() for problem in _user(name, rules)]


def _user(name: str, rules: str) -> list[Problem]:
    variable = f"broker_redis_users.{name}"
    if name == ADMIN or not _NAME.fullmatch(name):
        what = "this user is the role's own" if name == ADMIN else "not a name that Redis takes"
        return [Problem(variable, "(hidden)", what, "choose another name")]
    if any(word.startswith((">", "<")) for word in rules.split()) or "\n" in rules:
        fix = "give its hash: #$(printf %s PASSWORD | sha256sum)"
        return [Problem(variable, "(hidden)", "a password would stand in the file as it is", fix)]
    return []


def users(access: Access) -> dict[str, str]:
    """Return the users by name, each with its rules as ``ACL SETUSER`` takes them.

    Without a password, which preflight allows on loopback only, clients give no name: the user ``default``
    then has a worker's rights. With one, ``default`` is off unless ``default_user`` asks for it.
    """
    worker = worker_rules(access.key_prefix)
    login = _login([access.password, *access.previous_passwords])
    found = {DEFAULT: f"{login} {worker}" if access.default_user or not access.password else _NOBODY}
    if access.password:
        found[WORKER] = f"{login} {worker}"
    if access.monitor_password:
        found[MONITOR] = f"{_login([access.monitor_password])} {monitor_rules(access.key_prefix)}"
    if access.replica_password:
        server = _login([access.replica_password])
        found[REPLICA] = f"{server} {_REPLICA_RULES}"
        found[SENTINEL] = f"{server} {_SENTINEL_RULES}"
    for name, rules in access.redis_users.items():
        found[name] = f"{found[name]} {rules}" if name in found else rules
    return found


def sentinel_users(access: Access) -> dict[str, str]:
    """Return the users of the Sentinels: the fleet's may ask, with the passwords that they have at Redis."""
    worker = f"{_login([access.password, *access.previous_passwords])} {_ASK_SENTINEL}"
    found = {
        DEFAULT: worker if access.default_user else "off",
        WORKER: worker,
        SENTINEL: f"{_login([access.replica_password])} {_SENTINEL_TO_SENTINEL}",
    }
    if access.monitor_password:
        found[MONITOR] = f"{_login([access.monitor_password])} {_ASK_SENTINEL}"
    return found


def worker_rules(prefix: str) -> str:
    """Return what workers, beat and senders may do."""
    return _joined(f"~{prefix}*", _channels(prefix), _SHARED, _WORKER_COMMANDS)


def monitor_rules(prefix: str) -> str:
    """Return what Flower and other monitors may do: read, and ask workers; no task can be sent or taken."""
    writes = " ".join(f"~{prefix}{pattern}" for pattern in _MONITOR_WRITES)
    return _joined(f"%R~{prefix}*", writes, _channels(prefix), _SHARED, _MONITOR_COMMANDS)


_SHARED = f"{_CONNECTION} {_TRANSACTION} {_PUBSUB} {_SCRIPT}"


def _joined(*parts: str) -> str:
    return " ".join(parts)


def _channels(prefix: str) -> str:
    return " ".join(f"&{prefix}{channel}" for channel in _CHANNELS)


def _login(passwords: Iterable[str]) -> str:
    """Return the words that let in who knows one of the passwords; the file then holds none of them."""
    hashes = [hashlib.sha256(password.encode()).hexdigest() for password in passwords if password]
    return " ".join(["on", *(f"#{digest}" for digest in hashes)]) if hashes else "on nopass"
