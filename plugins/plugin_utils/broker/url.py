# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The URLs at which a host reaches the broker, and whom they log in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ..inventory.problems import Problem, did_you_mean
from . import rabbitmq, redis_acl, sentinel
from .address import DEFAULT_BIND, GROUP, address_for, broker_addresses, client_hosts, local_address

DEFAULT_PORT = 6379
# Whom a URL logs in: workers, beat and senders; Flower and other monitors; or nobody.
LOGINS = ("worker", "monitor", "none")
REDIS_SCHEMES = ("redis", "rediss")
# The CA that the fleet trusts, on every host.
CA_FILE = "/etc/ssl/celery-broker-ca.pem"
# redis-py before 6 takes any name in a certificate unless it is told.
TLS_WORDS = f"?ssl_cert_reqs=required&ssl_ca_certs={CA_FILE}&ssl_check_hostname=true"


def broker_url(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    host: str,
    database: int = 0,
    login: str = "worker",
) -> str:
    """Return the URL at which ``host`` reaches the broker.

    :param hostvars: Variables of every host, as Ansible has them; role defaults are not among them.
    :param groups: Hosts of every inventory group.
    :param host: The host that asks.
    :param database: Redis database; 0 is the broker's own, and leaves an external URL as it is. Other brokers
        have none: their URL stays.
    :param login: One of LOGINS. An external URL stays; without a password of its own a monitor logs in as a
        worker.
    :raises ValueError: ``login`` is no such word, or the inventory names no broker, or one that ``host``
        cannot reach.
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
        found = broker_addresses(hostvars, groups).values()
        return sentinel.url(list(found), *_login(login, variables), database, TLS_WORDS if tls else "")
    broker = host if login == "none" and host in hosts else hosts[0]
    return redis_url(
        address_for(host, broker, hostvars[broker]),
        int(variables.get("broker_port") or DEFAULT_PORT),
        *_login(login, variables),
        database,
        tls=tls,
    )


def redis_url(address: str, port: int, user: str, password: str, database: int, tls: bool = False) -> str:
    """Return a Redis's URL; the password may hold any character, and without one nobody is named.

    With TLS it names the fleet's CA; clients then also check the name in the certificate.
    """
    place = f"[{address}]" if ":" in address and not address.startswith("[") else address
    login = f"{user}:{quote(password, safe='')}@" if password else ""
    scheme, words = ("rediss", TLS_WORDS) if tls else ("redis", "")
    return f"{scheme}://{login}{place}:{port}/{database}{words}"


def _is_rabbitmq(hostvars: Mapping[str, Mapping[str, Any]], host: str) -> bool:
    return host in hostvars and hostvars[host].get("broker_type") == "rabbitmq"


def _rabbitmq_url(
    hostvars: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]], host: str, login: str
) -> str:
    """Return the URL of every node; the hosts of a fleet begin with different ones."""
    hosts = list(groups[GROUP])
    variables = hostvars[hosts[0]]
    tls = _is_true(variables.get("broker_tls"))
    addresses = [address_for(host, broker, hostvars[broker]) for broker in hosts]
    return rabbitmq.url(
        rabbitmq.in_turn(addresses, host, client_hosts(groups)),
        int(variables.get("broker_port") or (rabbitmq.TLS_PORT if tls else rabbitmq.PORT)),
        *_login(login, variables),
        str(variables.get("broker_rabbitmq_vhost") or rabbitmq.VHOST),
        tls=tls,
    )


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
        ours = broker_url(hostvars, groups, host, login=login)
        return sentinel.options(ours, sentinel.NAME, *_login(login, hostvars[brokers[0]]))
    name = str(variables.get("broker_sentinel_name") or sentinel.NAME)
    user, password = (str(variables.get(f"broker_sentinel_{part}") or "") for part in ("user", "password"))
    return sentinel.options(str(variables["broker_url"]), name, user, password)


def own_sentinel_url(hostvars: Mapping[str, Mapping[str, Any]], host: str) -> str:
    """Return the URL of the Sentinel on a broker's own host, without a login, for its administration."""
    variables = hostvars[host]
    address = local_address(variables.get("broker_bind") or DEFAULT_BIND)
    return redis_url(address, sentinel.PORT, "", "", 0, tls=_is_true(variables.get("broker_tls")))


def _login(login: str, variables: Mapping[str, Any]) -> tuple[str, str]:
    """Return the user and the password."""
    monitor = str(variables.get("broker_monitor_password") or "")
    if login == "monitor" and monitor:
        return redis_acl.MONITOR, monitor
    return redis_acl.WORKER, "" if login == "none" else str(variables.get("broker_password") or "")


def _with_database(url: str, database: int) -> str:
    if database and sentinel.is_url(url):
        return sentinel.with_database(url, database)
    parts = urlsplit(url)
    return (
        urlunsplit(parts._replace(path=f"/{database}")) if database and parts.scheme in REDIS_SCHEMES else url
    )


def _is_true(value: object) -> bool:
    """Read a variable that may come as text, as ``-e`` gives it."""
    return str(value).lower() in ("true", "yes", "on", "1")
