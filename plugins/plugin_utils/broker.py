# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Where the broker is, and how a host of the fleet reaches it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ansible_collections.celeryops.systemd.plugins.module_utils.broker_wire import public_url

GROUP = "celery_broker"
DEFAULT_PORT = 6379
DEFAULT_BIND = ("127.0.0.1",)
REDIS_SCHEMES = ("redis", "rediss")


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
    return address in ("*", "0.0.0.0", "::", "[::]")


def bind_addresses(bind: Sequence[str]) -> list[str]:
    """Return the plain addresses of a ``bind`` list (Redis marks one that may be missing with ``-``)."""
    return [str(address).removeprefix("-").replace("::*", "::") for address in bind]


def local_address(bind: Sequence[str]) -> str:
    """Return the address at which the broker's own host reaches a broker that listens on ``bind``."""
    addresses = bind_addresses(bind) or list(DEFAULT_BIND)
    if any(is_wildcard(address) or address == "127.0.0.1" for address in addresses):
        return "127.0.0.1"
    return next((address for address in addresses if is_loopback(address)), addresses[0])


def redis_url(address: str, port: int, password: str, database: int) -> str:
    """Return a redis:// URL; the password may hold any character."""
    place = f"[{address}]" if ":" in address and not address.startswith("[") else address
    login = f":{quote(password, safe='')}@" if password else ""
    return f"redis://{login}{place}:{port}/{database}"


def broker_url(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    host: str,
    database: int = 0,
) -> str:
    """Return the URL at which ``host`` reaches the broker.

    Args:
        hostvars: Variables of every host, as Ansible has them; role defaults are not among them.
        groups: Hosts of every inventory group.
        host: The host that asks.
        database: Redis database; 0 is the broker's own, and leaves an external URL as it is.

    Raises:
        ValueError: The inventory names no broker, several, or one that ``host`` cannot reach.
    """
    external = str(hostvars[host].get("broker_url") or "")
    if external:
        return _with_database(external, database, host)

    hosts = list(groups.get(GROUP, ()))
    if len(hosts) != 1:
        raise ValueError(
            f"{host}: group {GROUP} = {hosts}: a fleet has one broker, this inventory has {len(hosts)}; "
            f"put one host in {GROUP}, or set broker_url to the URL of a broker that runs elsewhere"
        )
    broker = hosts[0]
    variables = hostvars[broker]
    return redis_url(
        _address(host, broker, variables),
        int(variables.get("broker_port") or DEFAULT_PORT),
        str(variables.get("broker_password") or ""),
        database,
    )


def _address(host: str, broker: str, variables: Mapping[str, Any]) -> str:
    named = str(variables.get("broker_address") or "")
    if named:
        return named
    if host == broker:
        return local_address(variables.get("broker_bind") or DEFAULT_BIND)
    address = str(variables.get("ansible_host") or broker)
    if is_loopback(address):
        raise ValueError(
            f"{host}: broker_address = '' and ansible_host = {address} on {broker}: that is not where {host} "
            f"finds the broker; set broker_address on {broker} to the address at which the fleet reaches it"
        )
    return address


def _with_database(url: str, database: int, host: str) -> str:
    if not database:
        return url
    parts = urlsplit(url)
    if parts.scheme not in REDIS_SCHEMES:
        raise ValueError(
            f"{host}: broker_url = {public_url(url)}: a {parts.scheme} broker has no database "
            f"{database} for results; set celery_app_result_backend to the URL of a result backend"
        )
    return urlunsplit(parts._replace(path=f"/{database}"))
