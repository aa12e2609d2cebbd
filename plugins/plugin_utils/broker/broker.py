# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Where the broker is, how a host of the fleet reaches it, and what it may use of its own host."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ansible_collections.celeryops.systemd.plugins.module_utils.broker_wire import PORTS, public_url

from ..inventory import plain
from ..inventory.problems import Problem, did_you_mean
from ..plan import budget, spec
from . import rabbitmq, redis_acl, sentinel

GROUP = "celery_broker"
TYPES = ("redis", "rabbitmq", "external")
# A line of redis.conf: its first word, and those after it, some in quotes (sdssplitargs() of Redis 7).
_SETTING = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_WORDS = re.compile(r"""(?:(?:"(?:\\[^\n]|[^"\\\n])*"|'(?:\\'|[^'\n])*'|[^\s"']+)(?:[ \t]+|$))*""")
DEFAULT_PORT = 6379
DEFAULT_BIND = ("127.0.0.1",)
# Whom a URL logs in: workers, beat and senders; Flower and other monitors; or nobody.
LOGINS = ("worker", "monitor", "none")
REDIS_SCHEMES = ("redis", "rediss")
# The CA that the fleet trusts, on every host.
CA_FILE = "/etc/ssl/celery-broker-ca.pem"
# redis-py before 6 takes any name in a certificate unless it is told.
TLS_WORDS = f"?ssl_cert_reqs=required&ssl_ca_certs={CA_FILE}&ssl_check_hostname=true"
DATA = "/var/lib/redis"
# Redis settings that another variable decides, or that the role's promises rest on.
OWN_SETTINGS = {
    "bind": "set broker_bind",
    "port": "set broker_port",
    "maxmemory": "set broker_maxmemory_mb",
    "requirepass": "set broker_password",
    "user": "set broker_redis_users",
    "aclfile": "set broker_redis_users",
    "include": "give the settings themselves",
    "tls-port": "set broker_tls",
    "tls-cert-file": "set broker_tls_certificate",
    "tls-key-file": "set broker_tls_key",
    "tls-ca-cert-file": "set broker_tls_ca",
    "maxmemory-policy": "leave it out: any other than noeviction loses queues",
    "appendonly": "leave it out: without it a restart loses queues",
    "dir": "leave it out",
    "replicaof": "leave it out: put several hosts in celery_broker",
    "slaveof": "leave it out: put several hosts in celery_broker",
    "masterauth": "set broker_replica_password",
    "masteruser": "set broker_replica_password",
    "min-replicas-to-write": "leave it out: without it a primary that is cut off takes tasks that get lost",
    "daemonize": "leave it out: systemd runs it",
    "supervised": "leave it out: systemd runs it",
}

# Of a host of its own the broker may use this much; beside others, what the plan of the workers leaves it.
DEDICATED_SHARE = Fraction(3, 4)
# Redis itself, its clients' buffers and the AOF's.
REDIS_OWN_MB = 32
LEAST_MAXMEMORY_MB = 16
# A client at rest costs some 20 KB; all of them may use a quarter of the memory for data. Never fewer than
# Redis itself lets in, and no more than the unit has files for.
CLIENT_KB, CLIENTS_SHARE = 20, 4
LEAST_CLIENTS, MOST_CLIENTS = 10_000, 65_000
# The data, as much again of what was written since, and a new base while the old one is there.
AOF_COPIES = 3


def unit_limit(memory_mb: int, shared: bool, memory_max_mb: int = 0) -> tuple[int, str]:
    """Return what the broker's unit may use of its host in MB, and why; as for `memory_limits`."""
    if memory_max_mb:
        return memory_max_mb, f"broker_memory_max_mb = {memory_max_mb}"
    if shared:
        part = budget.ROLE_PARTS["broker"].memory_mb(memory_mb)
        return part, f"{part} of {memory_mb} MB, for it shares the host"
    part = int(memory_mb * DEDICATED_SHARE)
    return part, f"{part} of {memory_mb} MB, for the host is its own"


@dataclass(frozen=True)
class MemoryLimits:
    """What Redis may hold (``maxmemory_mb``), what its unit may use (``memory_max_mb``), and why.

    clients: How many clients may be connected; what they cost counts as data.
    disk_mb: What the append-only file may come to need.
    """

    maxmemory_mb: int
    memory_max_mb: int
    why: str
    clients: int
    disk_mb: int


def memory_limits(
    memory_mb: int, shared: bool, memory_max_mb: int = 0, maxmemory_mb: int = 0, beside_mb: int = 0
) -> MemoryLimits:
    """Return the memory limits of a Redis broker.

    The unit's limit is twice the data and a little: while Redis rewrites its AOF, a forked child may come to
    hold a second copy of every page (redis.io, "Redis administration": memory usage under heavy writes).

    Args:
        memory_mb: Memory of the host.
        shared: Whether workers, beat or Flower run on the host too.
        memory_max_mb: The unit's limit; 0 derives it from the host.
        maxmemory_mb: What Redis may hold; 0 derives it from the unit's limit.
        beside_mb: What of it another unit of the broker may use, a Sentinel.

    Raises:
        ValueError: What Redis may hold does not fit the unit's limit.
    """
    memory_max_mb, why = unit_limit(memory_mb, shared, memory_max_mb)
    memory_max_mb -= beside_mb
    why += f", less {beside_mb} MB for Sentinel" if beside_mb else ""
    held = maxmemory_mb or (memory_max_mb - REDIS_OWN_MB) // 2
    needed = 2 * max(held, LEAST_MAXMEMORY_MB) + REDIS_OWN_MB
    if held < LEAST_MAXMEMORY_MB or needed > memory_max_mb:
        raise ValueError(f"it needs {needed} MB (2 x maxmemory + {REDIS_OWN_MB} MB) and may use {why}")
    clients = min(max(held * 1024 // (CLIENTS_SHARE * CLIENT_KB), LEAST_CLIENTS), MOST_CLIENTS)
    return MemoryLimits(held, memory_max_mb, why, clients, held * AOF_COPIES)


def is_loopback(address: str) -> bool:
    """Tell whether only processes of the same host can reach what listens on ``address``."""
    if address == "localhost":
        return True
    try:
        return ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def is_wildcard(address: str) -> bool:
    """Tell whether ``address`` means every interface, in any of Redis's spellings."""
    return address in ("*", "0.0.0.0", "::", "::*")


def bind_addresses(bind: Sequence[str]) -> list[str]:
    """Return the plain addresses of a ``bind`` list; Redis marks one that may be missing with ``-``."""
    return [str(address).removeprefix("-") for address in bind]


def local_address(bind: Sequence[str]) -> str:
    """Return the address at which the broker's own host reaches a broker that listens on ``bind``."""
    addresses = bind_addresses(bind)
    if any(is_wildcard(address) or address == "127.0.0.1" for address in addresses):
        return "127.0.0.1"
    return next((address for address in addresses if is_loopback(address)), addresses[0])


def redis_url(address: str, port: int, user: str, password: str, database: int, tls: bool = False) -> str:
    """Return a Redis's URL; the password may hold any character, and without one nobody is named.

    With TLS it names the fleet's CA; clients then also check the name in the certificate.
    """
    place = f"[{address}]" if ":" in address and not address.startswith("[") else address
    login = f"{user}:{quote(password, safe='')}@" if password else ""
    scheme, words = ("rediss", TLS_WORDS) if tls else ("redis", "")
    return f"{scheme}://{login}{place}:{port}/{database}{words}"


def tls_names(hostvars: Mapping[str, Mapping[str, Any]], host: str, peers: Sequence[str] = ()) -> list[str]:
    """Return the names by which the fleet reaches the broker, which its certificate has to have.

    peers: The hosts of a cluster. Each of them has the names of all: kombu goes on to the next node, and
        expects the name of the first there too.
    """
    others = [name for peer in peers if peer != host for name in tls_names(hostvars, peer)]
    return list(dict.fromkeys([*_own_tls_names(hostvars, host), *others]))


def _own_tls_names(hostvars: Mapping[str, Mapping[str, Any]], host: str) -> list[str]:
    variables = hostvars[host]
    named = [str(variables.get("broker_address") or ""), str(variables.get("ansible_host") or ""), host]
    bound = [
        address
        for address in bind_addresses(variables.get("broker_bind") or DEFAULT_BIND)
        if not is_wildcard(address)
    ]
    found = ["localhost", "127.0.0.1", *named, *bound]
    return list(dict.fromkeys(name.strip("[]") for name in found if name))


def broker_url(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    host: str,
    database: int = 0,
    login: str = "worker",
) -> str:
    """Return the URL at which ``host`` reaches the broker.

    Args:
        hostvars: Variables of every host, as Ansible has them; role defaults are not among them.
        groups: Hosts of every inventory group.
        host: The host that asks.
        database: Redis database; 0 is the broker's own, and leaves an external URL as it is. Other brokers
            have none: their URL stays.
        login: One of LOGINS. An external URL stays; without a password of its own a monitor logs in as a
            worker.

    Raises:
        ValueError: ``login`` is no such word, or the inventory names no broker, or one that ``host`` cannot
            reach.
    """
    if login not in LOGINS:
        raise ValueError(f"login = {login}: {did_you_mean(login, LOGINS)}")
    external = str(hostvars[host].get("broker_url") or "")
    if external:
        return _with_database(external, database)

    hosts = list(groups.get(GROUP, ()))
    if hosts and _is_rabbitmq(hostvars, hosts[0]):
        return _rabbitmq_url(hostvars, groups, host, login)
    if not hosts:
        raise ValueError(
            Problem(
                f"group {GROUP}",
                hosts,
                "a fleet has a broker, and this inventory names none",
                f"put one host in {GROUP}, or set broker_url to the URL of a broker that runs elsewhere",
            ).text(host)
        )
    variables = hostvars[hosts[0]]
    tls = _is_true(variables.get("broker_tls"))
    if len(hosts) > 1 and login != "none":
        found = places(hostvars, groups).values()
        return sentinel.url(list(found), *_login(login, variables), database, TLS_WORDS if tls else "")
    broker = host if login == "none" and host in hosts else hosts[0]
    return redis_url(
        _address(host, broker, hostvars[broker]),
        int(variables.get("broker_port") or DEFAULT_PORT),
        *_login(login, variables),
        database,
        tls=tls,
    )


def _is_rabbitmq(hostvars: Mapping[str, Mapping[str, Any]], host: str) -> bool:
    return host in hostvars and hostvars[host].get("broker_type") == "rabbitmq"


def _rabbitmq_url(
    hostvars: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]], host: str, login: str
) -> str:
    """Return the URL of every node; the hosts of a fleet begin with different ones."""
    hosts = list(groups[GROUP])
    variables = hostvars[hosts[0]]
    tls = _is_true(variables.get("broker_tls"))
    places = [_address(host, broker, hostvars[broker]) for broker in hosts]
    return rabbitmq.url(
        rabbitmq.in_turn(places, host, _users(groups)),
        int(variables.get("broker_port") or (rabbitmq.TLS_PORT if tls else rabbitmq.PORT)),
        *_login(login, variables),
        str(variables.get("broker_rabbitmq_vhost") or rabbitmq.VHOST),
        tls=tls,
    )


def peer_places(hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str]) -> dict[str, str]:
    """Return where the hosts of a cluster find each other, which are also the names of its nodes."""
    return {
        host: str(hostvars[host].get("broker_address") or hostvars[host].get("ansible_host") or host)
        for host in hosts
    }


def places(hostvars: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the address at which the others of the fleet reach each of several brokers, in their order.

    Raises:
        ValueError: One is known by an address of loopback.
    """
    return {host: _address("the fleet", host, hostvars[host]) for host in groups.get(GROUP, ())}


def sentinel_options(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    host: str,
    login: str = "worker",
) -> dict[str, Any]:
    """Return the transport options with which ``host`` finds the primary; empty where no Sentinel knows it.

    At our own Sentinels a client has the user and password that it has at Redis; an external broker's have
    variables. Raises as ``broker_url`` does.
    """
    variables, brokers = hostvars[host], groups.get(GROUP, ())
    if not variables.get("broker_url"):
        if len(brokers) < 2:
            return {}
        url = broker_url(hostvars, groups, host, login=login)
        return sentinel.options(url, sentinel.NAME, *_login(login, hostvars[brokers[0]]))
    name = str(variables.get("broker_sentinel_name") or sentinel.NAME)
    user, password = (str(variables.get(f"broker_sentinel_{part}") or "") for part in ("user", "password"))
    return sentinel.options(str(variables["broker_url"]), name, user, password)


def own_sentinel(hostvars: Mapping[str, Mapping[str, Any]], host: str) -> str:
    """Return the URL of the Sentinel on a broker's own host, without a login, for its administration."""
    variables = hostvars[host]
    address = local_address(variables.get("broker_bind") or DEFAULT_BIND)
    return redis_url(address, sentinel.PORT, "", "", 0, tls=_is_true(variables.get("broker_tls")))


def primary(hostvars: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]]) -> str:
    """Return where the primary of several brokers is; raises as ``sentinel.primary`` does."""
    facts = {host: hostvars[host].get("ansible_facts", {}).get("celeryops", {}) for host in groups[GROUP]}
    states = {host: fact["redis"] for host, fact in facts.items() if "redis" in fact}
    return sentinel.primary(places(hostvars, groups), states)


def _is_true(value: object) -> bool:
    """Read a variable that may come as text, as ``-e`` gives it."""
    return str(value).lower() in ("true", "yes", "on", "1")


def _login(login: str, variables: Mapping[str, Any]) -> tuple[str, str]:
    """Return the user and the password."""
    monitor = str(variables.get("broker_monitor_password") or "")
    if login == "monitor" and monitor:
        return redis_acl.MONITOR, monitor
    return redis_acl.WORKER, "" if login == "none" else str(variables.get("broker_password") or "")


def _address(host: str, broker: str, variables: Mapping[str, Any]) -> str:
    if host == broker:
        return local_address(variables.get("broker_bind") or DEFAULT_BIND)
    named = str(variables.get("broker_address") or "")
    if named:
        return named
    address = str(variables.get("ansible_host") or broker)
    if is_loopback(address):
        raise ValueError(
            Problem(
                "broker_address",
                "",
                f"{broker} is known as {address}, which is not where {host} finds it",
                f"set broker_address on {broker} to the address at which the fleet reaches it",
            ).text(host)
        )
    return address


def _with_database(url: str, database: int) -> str:
    if database and sentinel.is_url(url):
        return sentinel.with_database(url, database)
    parts = urlsplit(url)
    return (
        urlunsplit(parts._replace(path=f"/{database}")) if database and parts.scheme in REDIS_SCHEMES else url
    )


@dataclass(frozen=True)
class BrokerSettings:
    """The role's variables; each field is the variable ``broker_<field>``, and so is each of ``access``."""

    type: str
    url: str
    address: str
    bind: Sequence[str]
    port: int
    access: redis_acl.Access
    tls: bool
    tls_certificate: str
    tls_key: str
    tls_ca: str
    memory_max_mb: int
    maxmemory_mb: int
    redis_settings: Mapping[str, Any]
    rabbitmq: Mapping[str, Any] = field(default_factory=dict)

    @property
    def password(self) -> str:
        """The workers' password."""
        return self.access.password


def problems(
    asked: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    host: str,
    memory_mb: int,
    room_mb: int | None = None,
    hostvars: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Problem]:
    """Return what is wrong with the broker that ``host`` is asked to run, or to use.

    Args:
        asked: The role's variables without their prefix, see BrokerSettings.
        groups: Hosts of every inventory group.
        host: Any host of the fleet; the one in the group of the broker is to run it.
        memory_mb: Memory of the host.
        room_mb: To what the broker's data may grow on the disk of the host; None when that is not known.
        hostvars: Variables of every host, which tell how the nodes of a cluster find each other.
    """
    numbers = {name: spec.whole(asked[name]) for name in ("port", "memory_max_mb", "maxmemory_mb")}
    odd = [name for name, number in numbers.items() if number is None]
    if odd:
        return [Problem(f"broker_{name}", asked[name], "not a whole number", "set one") for name in odd]
    access = redis_acl.read(asked)
    others = {name: value for name, value in asked.items() if not hasattr(access, name)}
    settings = BrokerSettings(**{**others, **numbers, "access": access})
    if found := redis_acl.prefix_problems(access.key_prefix):
        return found
    if settings.type == "external":
        return _external_problems(settings.url)
    if settings.type not in TYPES:
        return [Problem("broker_type", settings.type, "no such broker", f"use one of {', '.join(TYPES)}")]
    if settings.url:
        return [
            Problem(
                "broker_url",
                public_url(settings.url),
                f"it names an external broker, and broker_type = {settings.type} asks for one of our own",
                "set one of the two",
            )
        ]
    if host not in groups.get(GROUP, ()):
        return []
    if settings.type == "rabbitmq":
        return _rabbitmq_problems(settings, asked, groups, host, memory_mb, room_mb, hostvars or {})
    return [
        *sentinel.problems(groups[GROUP], access.replica_password),
        *redis_acl.problems(access),
        *_exposure_problems(settings),
        *_tls_problems(settings),
        *_reach_problems(settings, groups, host, hostvars or {}),
        *_memory_problems(settings, groups, host, memory_mb, room_mb),
        *(
            Problem(f"broker_redis_settings.{name}", value, "not set here", OWN_SETTINGS[name.lower()])
            for name, value in settings.redis_settings.items()
            if name.lower() in OWN_SETTINGS
        ),
        *_redis_line_problems(settings.redis_settings),
    ]


def _redis_line_problems(settings: Mapping[str, Any]) -> list[Problem]:
    """Return which settings would not be lines of redis.conf."""
    found = []
    for name, value in settings.items():
        lines = value if isinstance(value, list) else [value]
        if not _SETTING.fullmatch(str(name)):
            what, fix = "not the name of a setting", "use its name in redis.conf"
        elif not all(_WORDS.fullmatch(str(line)) for line in lines):
            what, fix = "Redis could not read this line", "write it as redis.conf has it, each quote closed"
        else:
            continue
        found.append(Problem(f"broker_redis_settings.{name}", value, what, fix))
    return found


def _rabbitmq_problems(
    settings: BrokerSettings,
    asked: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    host: str,
    memory_mb: int,
    room_mb: int | None,
    hostvars: Mapping[str, Mapping[str, Any]],
) -> list[Problem]:
    own, wrong = rabbitmq.read(settings.rabbitmq)
    if wrong:
        return wrong
    places = peer_places(hostvars, groups[GROUP])
    limit, why = unit_limit(memory_mb, shares_host(groups, host), settings.memory_max_mb)
    found = [
        *redis_acl.problems(redis_acl.Access(settings.password, settings.access.monitor_password)),
        *rabbitmq.problems(own, asked, places, settings.password),
        *_tls_problems(settings),
        *_reach_problems(settings, groups, host, hostvars),
    ]
    if limit < rabbitmq.LEAST_MEMORY_MB:
        what = f"RabbitMQ needs {rabbitmq.LEAST_MEMORY_MB} MB and may use {why}"
        fix = f"set celery_worker_reserve: {{broker: {rabbitmq.LEAST_MEMORY_MB}}}, or give it a larger host"
        found.append(Problem("broker_memory_max_mb", settings.memory_max_mb, what, fix))
    free = rabbitmq.Limits(limit).disk_free_mb
    if room_mb is not None and room_mb < 2 * free:
        what = f"it takes nothing with less than {free} MB free, and {rabbitmq.DATA} has room for {room_mb}"
        fix = f"give {rabbitmq.DATA} a larger disk, or RabbitMQ less memory"
        found.append(Problem("broker_memory_max_mb", settings.memory_max_mb, what, fix))
    return found


def _external_problems(url: str) -> list[Problem]:
    with suppress(ValueError):  # an address that is none
        if urlsplit(url).scheme in PORTS and urlsplit(url).port != 0:
            return []
    fix = f"set it to a URL of scheme {', '.join(PORTS)}"
    return [Problem("broker_url", url and public_url(url), "not the URL of a broker", fix)]


def _tls_problems(settings: BrokerSettings) -> list[Problem]:
    """Return what of a certificate is missing; whether clients take it, the host tells."""
    given = {name: getattr(settings, f"tls_{name}") for name in ("certificate", "key", "ca")}
    missing = [f"broker_tls_{name}" for name, text in given.items() if not text]
    if not any(given.values()) or not missing:
        return []
    what = f"{' and '.join(missing)} is missing, and clients need all three"
    return [Problem("broker_tls_certificate", "(hidden)", what, "set it, or none for a CA of the role's own")]


def _exposure_problems(settings: BrokerSettings) -> list[Problem]:
    exposed = [address for address in bind_addresses(settings.bind) if not is_loopback(address)]
    if settings.password or not exposed:
        return []
    return [
        Problem(
            "broker_password",
            "",
            f"broker_bind = {list(settings.bind)} lets anyone who reaches {', '.join(exposed)} run tasks",
            "set broker_password, or let it listen on 127.0.0.1 only",
        )
    ]


def _reach_problems(
    settings: BrokerSettings,
    groups: Mapping[str, Sequence[str]],
    host: str,
    hostvars: Mapping[str, Mapping[str, Any]],
) -> list[Problem]:
    found = [
        Problem(
            "broker_address", name, "neither a host name nor an IP address", f"name the host {host} otherwise"
        )
        for name in (tls_names(hostvars, host) if host in hostvars else ())
        if not plain.is_address(name)
    ]
    if not settings.bind:
        found.append(Problem("broker_bind", [], "it listens nowhere", "name an address, 127.0.0.1 for one"))
    if not 0 < settings.port < 2**16:
        found.append(Problem("broker_port", settings.port, "not a TCP port", "use 1 to 65535"))
    users = sorted((_users(groups) | set(groups[GROUP])) - {host})
    only_loopback = all(is_loopback(address) for address in bind_addresses(settings.bind))
    if users and only_loopback and not settings.address:
        found.append(
            Problem(
                "broker_bind",
                list(settings.bind),
                f"{', '.join(users)} cannot reach a broker that listens on loopback only",
                f"add the address at which they reach {host}, and set broker_password",
            )
        )
    return found


def _memory_problems(
    settings: BrokerSettings,
    groups: Mapping[str, Sequence[str]],
    host: str,
    memory_mb: int,
    room_mb: int | None,
) -> list[Problem]:
    shared, beside = shares_host(groups, host), sentinel_mb(groups)
    try:
        limits = memory_limits(memory_mb, shared, settings.memory_max_mb, settings.maxmemory_mb, beside)
    except ValueError as error:
        fix = "lower it, raise broker_memory_max_mb, or give the broker a larger host"
        return [Problem("broker_maxmemory_mb", settings.maxmemory_mb, str(error), fix)]
    if room_mb is None or room_mb >= limits.disk_mb:
        return []
    what = (
        f"its append-only file may need {limits.disk_mb} MB ({AOF_COPIES} x {limits.maxmemory_mb}), and "
        f"{DATA} has room for {room_mb}"
    )
    fix = f"set it to {room_mb // AOF_COPIES} or less, or give {DATA} a larger disk"
    return [Problem("broker_maxmemory_mb", settings.maxmemory_mb, what, fix)]


def host_memory_mb(facts: Mapping[str, Any]) -> int:
    """Return the memory that the host may use, from ``host_facts`` or Ansible's own facts."""
    return int(facts.get("celeryops", {}).get("memory_mb") or facts.get("memtotal_mb") or 0)


def host_room_mb(facts: Mapping[str, Any], kind: str) -> int | None:
    """Return the MB to which the data of a broker of this type may grow; None without ``host_facts``."""
    rooms = facts.get("celeryops", {}).get("state_room_mb", {})
    return spec.whole(rooms.get(rabbitmq.DATA if kind == "rabbitmq" else DATA))


def sentinel_mb(groups: Mapping[str, Sequence[str]]) -> int:
    """Return what a Sentinel beside each Redis may use; 0 where there is one Redis."""
    return sentinel.MEMORY_MB if len(groups.get(GROUP, ())) > 1 else 0


def shares_host(groups: Mapping[str, Sequence[str]], host: str) -> bool:
    """Tell whether workers, beat or Flower run on ``host``."""
    return host in _users(groups)


def _users(groups: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the hosts that need the broker."""
    using = ("celery_queue_", "celery_beat", "celery_flower")
    return {host for name, hosts in groups.items() if name.startswith(using) for host in hosts}
