# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Where the broker listens, and at which address and by which names the hosts of the fleet find it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any

from ..inventory.problems import Problem
from . import sentinel

GROUP = "celery_broker"


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
    # One that listens nowhere is refused.
    return next((address for address in addresses if is_loopback(address)), [*addresses, "127.0.0.1"][0])


def tls_names(read: Mapping[str, Mapping[str, Any]], host: str, peers: Sequence[str] = ()) -> list[str]:
    """Return the names by which the fleet reaches the broker, which its certificate has to have.

    :param peers: The hosts of a cluster. Each of them has the names of all: kombu goes on to the next node,
        and expects the name of the first there too.
    """
    others = [name for peer in peers if peer != host for name in tls_names(read, peer)]
    return list(dict.fromkeys([*_own_tls_names(read, host), *others]))


def _own_tls_names(read: Mapping[str, Mapping[str, Any]], host: str) -> list[str]:
    variables = read[host]
    named = [variables["broker_address"], str(variables.get("ansible_host") or ""), host]
    bound = [address for address in bind_addresses(variables["broker_bind"]) if not is_wildcard(address)]
    found = ["localhost", "127.0.0.1", *named, *bound]
    return list(dict.fromkeys(name.strip("[]") for name in found if name))


def address_for(host: str, broker: str, variables: Mapping[str, Any]) -> str:
    """Return the address at which ``host`` reaches ``broker``, a host with these variables.

    :raises ValueError: It is known by an address of loopback.
    """
    if host == broker:
        return local_address(variables["broker_bind"])
    if named := str(variables["broker_address"]):
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


def peer_addresses(read: Mapping[str, Mapping[str, Any]], hosts: Sequence[str]) -> dict[str, str]:
    """Return where the hosts of a cluster find each other, which are also the names of its nodes."""
    return {
        host: str(read[host]["broker_address"] or read[host].get("ansible_host") or host) for host in hosts
    }


def broker_addresses(
    read: Mapping[str, Mapping[str, Any]], groups: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return the address at which the others of the fleet reach each of several brokers, in their order.

    :raises ValueError: One is known by an address of loopback.
    """
    return {host: address_for("the fleet", host, read[host]) for host in groups.get(GROUP, ())}


def primary_address(
    read: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    states: Mapping[str, Mapping[str, Any]],
) -> str:
    """Return where the primary of several brokers is; raises as ``sentinel.primary`` does."""
    return sentinel.primary(broker_addresses(read, groups), states)


def shares_host(groups: Mapping[str, Sequence[str]], host: str) -> bool:
    """Tell whether workers, beat or Flower run on ``host``."""
    return host in client_hosts(groups)


def client_hosts(groups: Mapping[str, Sequence[str]]) -> set[str]:
    """Return the hosts that need the broker."""
    using = ("celery_queue_", "celery_beat", "celery_flower")
    return {host for name, hosts in groups.items() if name.startswith(using) for host in hosts}
