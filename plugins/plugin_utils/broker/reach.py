# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who reaches the broker that the inventory asks for: too many, or too few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..inventory import plain
from ..inventory.problems import Problem
from .address import GROUP, bind_addresses, client_hosts, is_loopback, tls_names
from .variables import BrokerSettings


def exposure_problems(settings: BrokerSettings) -> list[Problem]:
    """Return why anyone who reaches a Redis could use it."""
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


def certificate_problems(settings: BrokerSettings) -> list[Problem]:
    """Return what of a certificate is missing; whether clients take it, the host tells."""
    given = {name: getattr(settings, f"tls_{name}") for name in ("certificate", "key", "ca")}
    missing = [f"broker_tls_{name}" for name, text in given.items() if not text]
    if not any(given.values()) or not missing:
        return []
    what = f"{' and '.join(missing)} is missing, and clients need all three"
    return [Problem("broker_tls_certificate", "(hidden)", what, "set it, or none for a CA of the role's own")]


def reach_problems(
    settings: BrokerSettings,
    groups: Mapping[str, Sequence[str]],
    host: str,
    read: Mapping[str, Mapping[str, Any]],
) -> list[Problem]:
    """Return why the hosts of the fleet could not reach the broker of ``host``."""
    found = [
        Problem(
            "broker_address", name, "neither a host name nor an IP address", f"name the host {host} otherwise"
        )
        for name in (tls_names(read, host) if host in read else ())
        if not plain.is_address(name)
    ]
    if not settings.bind:
        found.append(Problem("broker_bind", [], "it listens nowhere", "name an address, 127.0.0.1 for one"))
    if not 0 < settings.port < 2**16:
        found.append(Problem("broker_port", settings.port, "not a TCP port", "use 1 to 65535"))
    users = sorted((client_hosts(groups) | set(groups[GROUP])) - {host})
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
