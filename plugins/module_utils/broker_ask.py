# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a broker says of itself, and whether it will serve Celery without losing tasks."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from ansible_collections.celeryops.systemd.plugins.module_utils.amqp import AmqpConnection, AmqpRefusedError
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import (
    TLS_WORDS,
    BrokerError,
    NotReadyError,
    connected,
)
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_safety import (
    amqp_refusal,
    doubtful_amqp,
    doubtful_redis,
    redis_refusal,
    unsafe_redis,
)
from ansible_collections.celeryops.systemd.plugins.module_utils.resp import RedisConnection, RedisError

# What INFO tells of what decides whether tasks are safe.
_READ = ("maxmemory", "maxmemory_policy", "aof_enabled", "role", "cluster_enabled")
_UNREAD = "version, eviction policy, persistence and role could not be read"
_UNREAD_FIX = "allow this user +info, or make sure yourself that maxmemory-policy is noeviction"


@dataclass(frozen=True)
class Answer:
    """What a broker says of itself.

    :param product: ``redis``, or what an AMQP broker calls itself.
    :param version: Its version; empty when it does not say.
    :param settings: The settings that decide whether tasks are safe, as far as they may be read.
    :param unsafe: What in the settings would lose tasks, with the fix.
    :param doubtful: What else an operator should know, what could not be read among it.
    """

    product: str
    version: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    unsafe: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()

    def faults(self, expected: Mapping[str, object]) -> list[str]:
        """Return why a broker that answers is still not the one that was asked for.

        :param expected: settings with the values that they must have.
        """
        wrong = [
            f"{name} = {self.settings.get(name, 'unknown')}, and {value} was asked for; fix its configuration"
            for name, value in expected.items()
            if self.settings.get(name) != str(value)
        ]
        return [*self.unsafe, *wrong]


@dataclass(frozen=True)
class SentinelLogin:
    """How the Sentinels are asked for the primary: what they call it, and who logs in to them."""

    name: str
    user: str = ""
    password: str = ""

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> SentinelLogin:
        """Take it from the transport options of Celery."""
        login = options.get("sentinel_kwargs") or {}
        name = str(options.get("master_name") or "celery")
        return cls(name, str(login.get("username") or ""), str(login.get("password") or ""))


def ask(
    url: str,
    timeout: float,
    ca_file: str = "",
    probe: bool = False,
    sentinel: SentinelLogin | None = None,
) -> Answer:
    """Connect to the broker at ``url`` as Celery would, and return what it says of itself.

    :param url: A redis://, rediss://, sentinel://, amqp:// or amqps:// URL, as Celery takes it.
    :param timeout: Seconds that connecting, and each answer, may take.
    :param ca_file: The CA to trust, where the URL names none.
    :param probe: Also try what cannot be read, which a RabbitMQ may note in its log.
    :param sentinel: How Sentinels are asked, when the URL names such.
    :raises BrokerError: It does not serve; NotReadyError when that may pass by itself.
    """
    if url.startswith("sentinel://"):
        return _ask_behind_sentinels(url, timeout, sentinel or SentinelLogin.read({}))
    parts = urlsplit(url)
    with connected(url, timeout, ca_file) as connection:
        if parts.scheme.startswith("redis"):
            return _ask_redis(connection, parts)
        return _ask_amqp(connection, parts, probe)


def _ask_behind_sentinels(url: str, timeout: float, sentinel: SentinelLogin) -> Answer:
    """Ask the primary that the Sentinels name; those that do not answer are told of when one does."""
    place, doubtful = "", []
    error: BrokerError = NotReadyError("it names no Sentinel; fix the URL")
    for each in url.split(";"):
        try:
            found = _primary(each, timeout, sentinel)
            place = place or found
        except BrokerError as silent:
            error = type(silent)(f"Sentinel {urlsplit(each).netloc.rpartition('@')[2]}: {silent}")
            doubtful.append(str(error))
    if not place:
        raise error
    first = urlsplit(url.partition(";")[0])
    login, at, _sentinel = first.netloc.rpartition("@")
    scheme = "rediss" if TLS_WORDS in first.query else "redis"
    parts = first._replace(scheme=scheme, netloc=f"{login}{at}{place}")
    with connected(parts.geturl(), timeout) as connection:
        answer = _ask_redis(connection, parts)
    return replace(answer, doubtful=(*doubtful, *answer.doubtful))


def _primary(url: str, timeout: float, sentinel: SentinelLogin) -> str:
    """Return the primary that a Sentinel names, as ``host:port``."""
    with connected(url, timeout) as connection, RedisConnection(connection) as redis:
        try:
            if sentinel.password:
                redis.call("AUTH", *([sentinel.user] if sentinel.user else []), sentinel.password)
            found = redis.rows("SENTINEL", "GET-MASTER-ADDR-BY-NAME", sentinel.name)
        except RedisError as error:
            fix = "fix broker_sentinel_user and broker_sentinel_password"
            raise BrokerError(f"it refuses to tell ({error}); {fix}") from error
    if not found:
        raise BrokerError(f"it knows of no primary {sentinel.name!r}; set broker_sentinel_name")
    host, port = found
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _ask_redis(connection: socket.socket, parts: SplitResult) -> Answer:
    password, database = unquote(parts.password or ""), parts.path.strip("/")
    with RedisConnection(connection) as redis:
        try:
            if password:
                redis.call("AUTH", *([unquote(parts.username)] if parts.username else []), password)
            redis.call("PING")
            if database:
                redis.call("SELECT", database)
        except RedisError as error:
            raise redis_refusal(str(error), database) from error
        try:
            info = dict(line.split(":", 1) for line in redis.call("INFO").splitlines() if ":" in line)
        except RedisError as error:
            return Answer("redis", doubtful=(f"{_UNREAD} ({error}); {_UNREAD_FIX}",))
    if info.get("min_slaves_good_slaves") == "0":
        raise NotReadyError("it takes no task while it has no replica (min-replicas-to-write); start one")
    version = info.get("redis_version", "")
    settings = {name: info[name] for name in _READ if name in info}
    unsafe, doubtful = unsafe_redis(settings), doubtful_redis(version, settings)
    return Answer("redis", version, settings, tuple(unsafe), tuple(doubtful))


def _ask_amqp(connection: socket.socket, parts: SplitResult, probe: bool) -> Answer:
    amqp = AmqpConnection(connection)
    properties = amqp.greet()
    product, version = properties.get("product", "amqp").lower(), properties.get("version", "")
    # As kombu reads the path: none and "/" are both the vhost "/".
    vhost = unquote(parts.path[1:]) or "/"
    try:
        amqp.log_in(unquote(parts.username or "guest"), unquote(parts.password or "guest"), vhost)
        takes_global_qos = not probe or amqp.takes_global_qos()
        if takes_global_qos:
            amqp.close()  # otherwise the server did
    except AmqpRefusedError as refusal:
        raise amqp_refusal(refusal, vhost) from refusal
    settings = {"global_qos": str(int(takes_global_qos))} if probe else {}
    return Answer(product, version, settings, (), tuple(doubtful_amqp(product, version, takes_global_qos)))
