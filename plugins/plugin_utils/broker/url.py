# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The URLs at which a host reaches the broker, and whom they log in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict
from urllib.parse import quote, urlsplit, urlunsplit

from ..inventory.problems import Problem, did_you_mean
from . import rabbitmq, redis_acl, sentinel
from .address import (
    GROUP,
    address_for,
    broker_addresses,
    client_hosts,
    local_address,
    peer_addresses,
    primary_address,
    tls_names,
)

# Whom a URL logs in: workers, beat and senders; Flower and other monitors.
LOGINS = ("worker", "monitor")
# What a URL with its login is made of; the first two are the broker's, the others of the host that asks.
PASSWORDS = ("broker_password", "broker_monitor_password")
SECRETS = (*PASSWORDS, "broker_url", "broker_sentinel_user", "broker_sentinel_password")
REDIS_SCHEMES = ("redis", "rediss")
# The CA that the fleet trusts, on every host.
CA_FILE = "/etc/ssl/celery-broker-ca.pem"
# redis-py before 6 takes any name in a certificate unless it is told.
TLS_WORDS = f"?ssl_cert_reqs=required&ssl_ca_certs={CA_FILE}&ssl_check_hostname=true"

# The variables of each host, each of its type and with its default.
Read = Mapping[str, Mapping[str, Any]]
Groups = Mapping[str, Sequence[str]]


class Place(TypedDict):
    """Where a host finds the broker; no secret is in it.

    :param url: without a login; empty for an external broker, whose URL is a variable of the host.
    :param elsewhere: the passwords that are another host's variables, with that host.
    :param primary_name: what Sentinels call the primary.
    """

    url: str
    elsewhere: dict[str, str]
    primary_name: str


class Served(TypedDict, total=False):
    """What a host is told that runs the broker, or one of several; the last four only with Sentinels.

    :param url: at which it reaches its own, without a login.
    :param names: which its certificate has to have.
    :param peers: where the hosts of a cluster find each other.
    :param primary: where the primary is.
    :param announced: where the others find this one.
    :param sentinel: the URL of its Sentinel, without a login.
    """

    url: str
    names: list[str]
    peers: dict[str, str]
    primary: str
    announced: str
    sentinel: str
    quorum: int


def place(host: str, read: Read, groups: Groups) -> Place:
    """Return where ``host`` finds the broker.

    :param read: The variables of the host and of the brokers.
    :param groups: Hosts of every inventory group.
    :raises ValueError: The inventory names no broker, or one that ``host`` cannot reach.
    """
    own, brokers = read[host], groups.get(GROUP, ())
    if own["broker_url"]:
        return Place(url="", elsewhere={}, primary_name=own["broker_sentinel_name"])
    if not brokers:
        raise ValueError(
            Problem(
                f"group {GROUP}",
                [],
                "a fleet has a broker, and this inventory names none",
                f"put one host in {GROUP}, or set broker_url to the URL of a broker that runs elsewhere",
            ).text(host)
        )
    first = read[brokers[0]]
    # Its own variables cost a task nothing, and know the play's; those of another host are looked up.
    elsewhere = {name: brokers[0] for name in PASSWORDS if own[name] != first[name]}
    return Place(url=_url(host, read, groups), elsewhere=elsewhere, primary_name=sentinel.NAME)


def _url(host: str, read: Read, groups: Groups) -> str:
    brokers = list(groups[GROUP])
    first = read[brokers[0]]
    if first["broker_type"] == "rabbitmq":
        # The hosts of a fleet begin with different nodes.
        addresses = [address_for(host, broker, read[broker]) for broker in brokers]
        nodes = rabbitmq.in_turn(addresses, host, client_hosts(groups))
        return rabbitmq.url(
            nodes, first["broker_port"], first["broker_rabbitmq_vhost"], tls=first["broker_tls"]
        )
    if len(brokers) > 1:
        words = TLS_WORDS if first["broker_tls"] else ""
        return sentinel.url(list(broker_addresses(read, groups).values()), words)
    address = address_for(host, brokers[0], first)
    return redis_url(address, first["broker_port"], tls=first["broker_tls"])


def served(host: str, read: Read, groups: Groups, states: Mapping[str, Mapping[str, Any]]) -> Served:
    """Return what a host that runs the broker is told; nothing for others.

    :param read: The variables of the brokers.
    :param states: What each host has of Redis on its disk, see ``host.redis_state``; others are missing.
    :raises ValueError: Where the primary is cannot be told, or the others cannot reach one of several.
    """
    brokers = list(groups.get(GROUP, ()))
    if host not in brokers:
        return {}
    own, first = read[host], read[brokers[0]]
    is_rabbitmq, tls = first["broker_type"] == "rabbitmq", first["broker_tls"]
    found = Served(
        url=redis_url(address_for(host, host, own), first["broker_port"], tls=tls),
        names=tls_names(read, host, brokers if is_rabbitmq else ()),
        peers=peer_addresses(read, brokers),
    )
    if is_rabbitmq or len(brokers) < 2:
        return found
    return {
        **found,
        "primary": primary_address(read, groups, states),
        "announced": broker_addresses(read, groups)[host],
        "sentinel": redis_url(local_address(own["broker_bind"]), sentinel.PORT, tls=own["broker_tls"]),
        "quorum": sentinel.quorum(len(brokers)),
    }


def reached(place: Place, variables: Mapping[str, Any], login: str = "worker") -> tuple[str, dict[str, Any]]:
    """Return the URL, and the transport options by which a client finds the primary behind Sentinels.

    At our own Sentinels a client has the user and password that it has at Redis; an external broker's have
    variables. Where nothing needs them there are no options.

    :param variables: SECRETS of the host, or of those that ``place["elsewhere"]`` names.
    :param login: One of LOGINS. Without a password of its own a monitor logs in as a worker.
    :raises ValueError: ``login`` is no such word.
    """
    if login not in LOGINS:
        raise ValueError(f"login = {login}: {did_you_mean(login, LOGINS)}")
    given = {name: str(variables.get(name) or "") for name in SECRETS}
    if place["url"]:
        user, password = redis_acl.WORKER, given["broker_password"]
        if login == "monitor" and given["broker_monitor_password"]:
            user, password = redis_acl.MONITOR, given["broker_monitor_password"]
        url = with_login(place["url"], user, password)
    else:
        url = given["broker_url"]
        user, password = given["broker_sentinel_user"], given["broker_sentinel_password"]
    return url, sentinel.options(url, place["primary_name"], user, password)


def redis_url(address: str, port: int, tls: bool = False) -> str:
    """Return a Redis's URL without a login.

    With TLS it names the fleet's CA; clients then also check the name in the certificate.
    """
    wrapped = f"[{address}]" if ":" in address and not address.startswith("[") else address
    scheme, words = ("rediss", TLS_WORDS) if tls else ("redis", "")
    return f"{scheme}://{wrapped}:{port}/0{words}"


def with_login(url: str, user: str, password: str) -> str:
    """Return the URL, of one place or several, with a password of any characters; without one as it is."""
    if not password:
        return url
    login = f"{user}:{quote(password, safe='')}@"
    return ";".join(each.replace("://", f"://{login}", 1) for each in url.split(";"))


def with_database(url: str, database: int) -> str:
    """Return the URL with another database of Redis; other brokers have none, and their URL stays."""
    if sentinel.is_url(url):
        return sentinel.with_database(url, database)
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"/{database}")) if parts.scheme in REDIS_SCHEMES else url
