# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Just enough of the protocols of Redis and AMQP 0-9-1 to tell whether a broker will serve Celery.

Sources: the Redis serialization protocol (RESP2), and sections 4.2 and 4.2.5 of the AMQP 0-9-1 specification.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}
TLS_SCHEMES = ("rediss", "amqps")
# kombu 5.7 writes the bindings of queues that expire with ZADD GT.
OLDEST_REDIS = (6, 2)
# What INFO tells of what decides whether tasks are safe.
_READ = ("maxmemory", "maxmemory_policy", "aof_enabled", "role", "cluster_enabled")
_UNREAD = "version, eviction policy, persistence and role could not be read"
_UNREAD_MEND = "allow this user +info, or make sure yourself that maxmemory-policy is noeviction"
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
_FRAME_HEAD = 7  # bytes: type, channel (2), size of the payload (4)
_CONNECTION_START = struct.pack(">HH", 10, 10)


class BrokerError(Exception):
    """The broker does not serve: what is wrong, and the mend."""


class NotReadyError(BrokerError):
    """The broker does not serve yet: it may do so in a moment."""


@dataclass(frozen=True)
class Answer:
    """What a broker says of itself.

    Attributes:
        product: ``redis``, or what an AMQP broker calls itself.
        version: Its version; empty when it does not say.
        settings: The settings that decide whether tasks are safe, as far as they may be read.
        unsafe: What in the settings would lose tasks, with the mend.
        doubtful: What else an operator should know, what could not be read among it.
    """

    product: str
    version: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    unsafe: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()


def public_url(url: str) -> str:
    """Return ``url`` without its login and query, fit for a message, however wrongly it is written."""
    return re.sub("://.*@", "://***@", url, flags=re.DOTALL).partition("?")[0]


def ask(url: str, timeout: float) -> Answer:
    """Connect to the broker at ``url`` as Celery would, and return what it says of itself.

    Args:
        url: A redis://, rediss://, amqp:// or amqps:// URL, as Celery takes it.
        timeout: Seconds that connecting, and each answer, may take.

    Raises:
        BrokerError: It does not serve; NotReadyError when that may pass by itself.
    """
    parts = urlsplit(url)
    with connected(url, timeout) as connection:
        return (_ask_redis if parts.scheme.startswith("redis") else _ask_amqp)(connection, parts)


@contextmanager
def connected(url: str, timeout: float) -> Iterator[socket.socket]:
    """Connect to the broker at ``url``, with TLS where its scheme asks for it; raises as ``ask`` does."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        raise BrokerError(f"scheme {parts.scheme!r} is not one of {', '.join(PORTS)}; mend the URL")
    try:
        with _connect(parts, timeout) as connection:
            yield connection
    except ssl.SSLCertVerificationError as error:
        raise BrokerError(
            f"its certificate is not trusted ({error.verify_message}); name its CA with ?ssl_ca_certs=/path"
        ) from error
    except ssl.SSLError as error:
        raise BrokerError(
            f"it does not speak TLS as asked ({error.reason}); mend the scheme or port"
        ) from error
    except socket.gaierror as error:
        raise BrokerError(
            f"host name {parts.hostname} is unknown here ({error.strerror}); mend it"
        ) from error
    except TimeoutError as error:
        raise NotReadyError(
            f"no answer within {timeout:g} s; look for a firewall, or a wrong address or scheme"
        ) from error
    except OSError as error:
        raise NotReadyError(
            f"cannot connect ({error.strerror or error}); start the broker, or let it listen there"
        ) from error


def _connect(parts: SplitResult, timeout: float) -> socket.socket:
    address = (parts.hostname or "localhost", parts.port or PORTS[parts.scheme])
    plain = socket.create_connection(address, timeout)
    if parts.scheme not in TLS_SCHEMES:
        return plain
    try:
        return _tls_context(parse_qs(parts.query)).wrap_socket(plain, server_hostname=address[0])
    except TimeoutError as error:
        plain.close()
        raise BrokerError(
            f"it does not speak TLS (silent for {timeout:g} s); mend the scheme or port"
        ) from error
    except BaseException:
        plain.close()
        raise


def _tls_context(query: dict[str, list[str]]) -> ssl.SSLContext:
    """Return the context that redis-py would make of the same ``ssl_*`` words of the URL."""
    words = {name: values[-1] for name, values in query.items()}
    context = ssl.create_default_context(cafile=words.get("ssl_ca_certs"))
    if words.get("ssl_cert_reqs", "required").lower().removeprefix("cert_") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if "ssl_certfile" in words:
        context.load_cert_chain(words["ssl_certfile"], words.get("ssl_keyfile"))
    return context


class RedisError(Exception):
    """An error reply of Redis; its first word says which."""


class RedisConnection:
    """A RESP2 conversation over a connected socket."""

    def __init__(self, connection: socket.socket) -> None:
        """Talk over ``connection``, which stays the caller's to close."""
        self._socket = connection
        self._file = connection.makefile("rb")

    def __enter__(self) -> RedisConnection:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the socket go."""
        self._file.close()

    def call(self, *words: str) -> str:
        """Send one command and return its simple or bulk reply; an error reply raises RedisError."""
        self._send(*words)
        return self._reply()

    def rows(self, *words: str) -> list[str]:
        """Send one command and return its reply, a list of strings."""
        self._send(*words)
        return [self._reply() for _row in range(int(self._reply(b"*")))]

    def _send(self, *words: str) -> None:
        encoded = [word.encode() for word in words]
        self._socket.sendall(
            b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
        )

    def _reply(self, number: bytes = b":") -> str:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise NotReadyError("it closed the connection; look at its log")
        kind, text = line[:1], line[1:-2].decode(errors="replace")
        if kind == b"-":
            raise RedisError(text)
        if kind == b"$":
            return self._file.read(int(text) + 2)[:-2].decode(errors="replace")
        if kind in (b"+", number):
            return text
        raise BrokerError("what answers there is not Redis; mend the address or port")


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
            raise _mend_redis(str(error), database) from error
        try:
            info = dict(line.split(":", 1) for line in redis.call("INFO").splitlines() if ":" in line)
        except RedisError as error:
            return Answer("redis", doubtful=(f"{_UNREAD} ({error}); {_UNREAD_MEND}",))
    version = info.get("redis_version", "")
    settings = {name: info[name] for name in _READ if name in info}
    unsafe, doubtful = _unsafe_redis(settings), _doubtful_redis(version, settings)
    return Answer("redis", version, settings, tuple(unsafe), tuple(doubtful))


def _mend_redis(reply: str, database: str) -> BrokerError:
    code = reply.partition(" ")[0]
    if code == "LOADING":
        return NotReadyError("it still loads its data; wait")
    if code in ("NOAUTH", "WRONGPASS") or "AUTH" in reply:
        return BrokerError(f"it refuses the login ({reply}); mend broker_password or the login in broker_url")
    if "DB index" in reply or "SELECT" in reply:
        return BrokerError(f"it has no database {database} ({reply}); name one that it has")
    return BrokerError(f"it refuses to serve ({reply})")


def _unsafe_redis(settings: dict[str, str]) -> list[str]:
    unsafe = []
    policy = settings.get("maxmemory_policy", "")
    if policy.startswith("allkeys-"):
        unsafe.append(
            f"maxmemory-policy = {policy}: Redis throws queues away when its memory is full; set noeviction"
        )
    if settings.get("role") == "slave":
        unsafe.append("role = slave: a replica takes no tasks; name the primary")
    if settings.get("cluster_enabled") == "1":
        unsafe.append("cluster-enabled = yes: Celery cannot use a Redis Cluster; name a Redis without it")
    return unsafe


def _doubtful_redis(version: str, settings: dict[str, str]) -> list[str]:
    """Return what is no reason to refuse, yet to be known before the first outage."""
    doubtful = []
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and tuple(map(int, numbers.groups())) < OLDEST_REDIS:
        oldest = ".".join(map(str, OLDEST_REDIS))
        doubtful.append(f"version = {version}: kombu 5.7 needs {oldest} (ZADD GT); update it")
    policy = settings.get("maxmemory_policy", "")
    if policy.startswith("volatile-"):
        doubtful.append(f"maxmemory-policy = {policy}: a full Redis throws results away; set noeviction")
    if settings.get("aof_enabled") == "0":
        doubtful.append(
            "appendonly = no: a restart loses the tasks that came after the last snapshot; set appendonly yes"
        )
    return doubtful


def _ask_amqp(connection: socket.socket, parts: SplitResult) -> Answer:
    connection.sendall(_AMQP_HEADER)
    with connection.makefile("rb") as stream:
        payload = stream.read(int.from_bytes(stream.read(_FRAME_HEAD)[3:], "big"))
    if payload[:4] != _CONNECTION_START:
        raise BrokerError("what answers there does not speak AMQP 0-9-1; mend the address or port")
    properties = _amqp_strings(payload[6:])
    return Answer(properties.get("product", "amqp").lower(), properties.get("version", ""))


def _amqp_strings(data: bytes) -> dict[str, str]:
    """Return the plain strings of an AMQP table; what follows a value of another kind than these is left."""
    end = 4 + int.from_bytes(data[:4], "big")
    position, strings = 4, {}
    while position < end:
        name_end = position + 1 + data[position]
        name, kind = data[position + 1 : name_end].decode(), data[name_end : name_end + 1]
        if kind == b"t":
            position = name_end + 2
            continue
        if kind not in (b"S", b"F"):
            break
        start = name_end + 5
        position = start + int.from_bytes(data[name_end + 1 : start], "big")
        if kind == b"S":
            strings[name] = data[start:position].decode(errors="replace")
    return strings
