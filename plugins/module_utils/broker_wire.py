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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

PORTS = {"redis": 6379, "rediss": 6379, "sentinel": 26379, "amqp": 5672, "amqps": 5671}
TLS_SCHEMES = ("rediss", "amqps")
# Sentinel's URL has no scheme of its own for TLS; kombu goes by these words of it.
TLS_WORDS = "ssl_"
# kombu 5.7 writes the bindings of queues that expire with ZADD GT.
OLDEST_REDIS = (6, 2)
# What INFO tells of what decides whether tasks are safe.
_READ = ("maxmemory", "maxmemory_policy", "aof_enabled", "role", "cluster_enabled")
_UNREAD = "version, eviction policy, persistence and role could not be read"
_UNREAD_FIX = "allow this user +info, or make sure yourself that maxmemory-policy is noeviction"
_FIX_LOGIN = "fix broker_password or the login in broker_url"
_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
_FRAME_HEAD = 7  # bytes: type, channel (2), size of the payload (4)
_CONNECTION_START = struct.pack(">HH", 10, 10)
_FRAME_END = b"\xce"
# With this a server says why it refuses a login, and does not just hang up.
_AUTH_CLOSE = "authentication_failure_close"
_ACCESS_REFUSED = 403
# At-least-once dead letters, which delayed delivery rests on.
OLDEST_RABBITMQ = (3, 10)


class BrokerError(Exception):
    """The broker does not serve: what is wrong, and the fix."""


class NotReadyError(BrokerError):
    """The broker does not serve yet: it may do so in a moment."""


@dataclass(frozen=True)
class Answer:
    """What a broker says of itself.

    Attributes:
        product: ``redis``, or what an AMQP broker calls itself.
        version: Its version; empty when it does not say.
        settings: The settings that decide whether tasks are safe, as far as they may be read.
        unsafe: What in the settings would lose tasks, with the fix.
        doubtful: What else an operator should know, what could not be read among it.
    """

    product: str
    version: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    unsafe: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()


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


def public_url(url: str) -> str:
    """Return ``url`` without its login and query, fit for a message, however wrongly it is written."""
    return re.sub("://.*@", "://***@", url, flags=re.DOTALL).partition("?")[0]


def ask(
    url: str,
    timeout: float,
    ca_file: str = "",
    probe: bool = False,
    sentinel: SentinelLogin | None = None,
) -> Answer:
    """Connect to the broker at ``url`` as Celery would, and return what it says of itself.

    Args:
        url: A redis://, rediss://, sentinel://, amqp:// or amqps:// URL, as Celery takes it.
        timeout: Seconds that connecting, and each answer, may take.
        ca_file: The CA to trust, where the URL names none.
        probe: Also try what cannot be read, which a RabbitMQ may note in its log.
        sentinel: How Sentinels are asked, when the URL names such.

    Raises:
        BrokerError: It does not serve; NotReadyError when that may pass by itself.
    """
    if url.startswith("sentinel://"):
        return _ask_behind_sentinels(url, timeout, sentinel or SentinelLogin.read({}))
    parts = urlsplit(url)
    with connected(url, timeout, ca_file) as connection:
        if parts.scheme.startswith("redis"):
            return _ask_redis(connection, parts)
        return _ask_amqp(connection, parts, probe)


@contextmanager
def connected(url: str, timeout: float, ca_file: str = "") -> Iterator[socket.socket]:
    """Connect to the broker at ``url``, with TLS where its scheme asks for it; raises as ``ask`` does."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS:
        raise BrokerError(f"scheme {parts.scheme!r} is not one of {', '.join(PORTS)}; fix the URL")
    try:
        with _connect(parts, timeout, ca_file) as connection:
            yield connection
    except ssl.SSLCertVerificationError as error:
        raise BrokerError(
            f"its certificate is not trusted ({error.verify_message}); name its CA with ?ssl_ca_certs=/path"
        ) from error
    except ssl.SSLError as error:
        raise BrokerError(
            f"it does not speak TLS as asked ({error.reason}); fix the scheme or port"
        ) from error
    except socket.gaierror as error:
        raise BrokerError(
            f"host name {parts.hostname} is unknown here ({error.strerror}); fix it"
        ) from error
    except TimeoutError as error:
        raise NotReadyError(
            f"no answer within {timeout:g} s; look for a firewall, or a wrong address or scheme"
        ) from error
    except OSError as error:
        raise NotReadyError(
            f"cannot connect ({error.strerror or error}); start the broker, or let it listen there"
        ) from error


def _connect(parts: SplitResult, timeout: float, ca_file: str) -> socket.socket:
    address = (parts.hostname or "localhost", parts.port or PORTS[parts.scheme])
    plain = socket.create_connection(address, timeout)
    if parts.scheme not in TLS_SCHEMES and not (parts.scheme == "sentinel" and TLS_WORDS in parts.query):
        return plain
    try:
        return _tls_context(parse_qs(parts.query), ca_file).wrap_socket(plain, server_hostname=address[0])
    except TimeoutError as error:
        plain.close()
        raise BrokerError(
            f"it does not speak TLS (silent for {timeout:g} s); fix the scheme or port"
        ) from error
    except BaseException:
        plain.close()
        raise


def _tls_context(query: dict[str, list[str]], ca_file: str) -> ssl.SSLContext:
    """Return the context that redis-py would make of the same ``ssl_*`` words of the URL."""
    words = {name: values[-1] for name, values in query.items()}
    context = ssl.create_default_context(cafile=words.get("ssl_ca_certs") or ca_file or None)
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

    def certificate(self) -> bytes:
        """Return what the server presented, as DER; only with TLS."""
        presented: bytes = self._socket.getpeercert(binary_form=True)  # type: ignore[attr-defined]
        return presented

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
        raise BrokerError("what answers there is not Redis; fix the address or port")


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
            raise _mend_redis(str(error), database) from error
        try:
            info = dict(line.split(":", 1) for line in redis.call("INFO").splitlines() if ":" in line)
        except RedisError as error:
            return Answer("redis", doubtful=(f"{_UNREAD} ({error}); {_UNREAD_FIX}",))
    if info.get("min_slaves_good_slaves") == "0":
        raise NotReadyError("it takes no task while it has no replica (min-replicas-to-write); start one")
    version = info.get("redis_version", "")
    settings = {name: info[name] for name in _READ if name in info}
    unsafe, doubtful = _unsafe_redis(settings), _doubtful_redis(version, settings)
    return Answer("redis", version, settings, tuple(unsafe), tuple(doubtful))


def _mend_redis(reply: str, database: str) -> BrokerError:
    code = reply.partition(" ")[0]
    if code == "LOADING":
        return NotReadyError("it still loads its data; wait")
    if code in ("NOAUTH", "WRONGPASS") or "AUTH" in reply:
        return BrokerError(f"it refuses the login ({reply}); {_FIX_LOGIN}")
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


class AmqpConnection:
    """As much of an AMQP 0-9-1 conversation as logs in, opens a vhost, and asks one thing on a channel."""

    def __init__(self, connection: socket.socket) -> None:
        """Talk over ``connection``, which stays the caller's to close."""
        self._socket = connection
        self._stream = connection.makefile("rb")

    def greet(self) -> dict[str, str]:
        """Open the protocol; return what the server says of itself."""
        self._socket.sendall(_AMQP_HEADER)
        payload = self._frame()
        if payload[:4] != _CONNECTION_START:
            raise BrokerError("what answers there does not speak AMQP 0-9-1; fix the address or port")
        return _amqp_strings(payload[6:])

    def log_in(self, user: str, password: str, vhost: str) -> None:
        """Log in and open the vhost; AmqpRefusedError when it is refused."""
        capabilities = _table(_text("capabilities") + b"F" + _table(_text(_AUTH_CLOSE) + b"t\x01"))
        login = f"\0{user}\0{password}".encode()
        self._send(0, (10, 11), capabilities + _text("PLAIN") + _long_text(login) + _text("en_US"))
        tune = self._expect((10, 30))
        self._send(0, (10, 31), tune[:6] + b"\0\0")  # no heartbeat
        self._send(0, (10, 40), _text(vhost) + b"\0\0")
        self._expect((10, 41))

    def takes_global_qos(self) -> bool:
        """Tell whether a prefetch count may hold for a whole channel; nothing is left behind."""
        self._send(1, (20, 10), b"\0")
        self._expect((20, 11))
        self._send(1, (60, 10), struct.pack(">IHB", 0, 1, 1))
        try:
            self._expect((60, 11))
        except AmqpRefusedError:
            return False
        return True

    def close(self) -> None:
        """Say goodbye, so that the server's log has no warning."""
        self._send(0, (10, 50), struct.pack(">HB", 200, 0) + struct.pack(">HH", 0, 0))
        self._expect((10, 51))
        self._stream.close()

    def _send(self, channel: int, method: tuple[int, int], arguments: bytes) -> None:
        payload = struct.pack(">HH", *method) + arguments
        self._socket.sendall(struct.pack(">BHI", 1, channel, len(payload)) + payload + _FRAME_END)

    def _frame(self) -> bytes:
        head = self._stream.read(_FRAME_HEAD)
        payload = self._stream.read(int.from_bytes(head[3:], "big"))
        self._stream.read(1)
        return payload

    def _expect(self, method: tuple[int, int]) -> bytes:
        payload = self._frame()
        found = struct.unpack(">HH", payload[:4]) if payload else (0, 0)
        if found in ((10, 50), (20, 40)):
            code, length = struct.unpack(">HB", payload[4:7])
            raise AmqpRefusedError(code, payload[7 : 7 + length].decode(errors="replace"))
        if found != method:
            raise NotReadyError("it closed the connection; look at its log")
        return payload[4:]


def _text(text: str) -> bytes:
    """Return a short string."""
    return bytes([len(text.encode())]) + text.encode()


def _long_text(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


_table = _long_text


class AmqpRefusedError(Exception):
    """The server closed the connection or the channel, and said why."""

    def __init__(self, code: int, text: str) -> None:
        """Keep the reply code, and the server's words."""
        super().__init__(text)
        self.code = code


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
        raise _mend_amqp(refusal, vhost) from refusal
    settings = {"global_qos": str(int(takes_global_qos))} if probe else {}
    return Answer(product, version, settings, (), tuple(_doubtful_amqp(product, version, takes_global_qos)))


def _mend_amqp(refusal: AmqpRefusedError, vhost: str) -> BrokerError:
    if refusal.code == _ACCESS_REFUSED and "vhost" not in str(refusal):
        return BrokerError(f"it refuses the login ({refusal}); {_FIX_LOGIN}")
    if "vhost" in str(refusal):
        return BrokerError(f"it has no vhost {vhost} for this user ({refusal}); name one that it has")
    return BrokerError(f"it refuses to serve ({refusal.code} {refusal})")


def _doubtful_amqp(product: str, version: str, takes_global_qos: bool) -> list[str]:
    doubtful = []
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if product == "rabbitmq" and numbers and tuple(map(int, numbers.groups())) < OLDEST_RABBITMQ:
        oldest = ".".join(map(str, OLDEST_RABBITMQ))
        doubtful.append(f"version = {version}: quorum queues and delayed delivery need {oldest}; update it")
    if not takes_global_qos:
        doubtful.append(
            "global QoS = refused: workers need celery and kombu 5.7, and quorum queues or a prefetch count"
            " for each consumer; set task_default_queue_type: quorum in celery_app_settings"
        )
    return doubtful


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
