# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters that tell of the broker: their documentation stands beside, in <name>.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.settings import usable_result_backend
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import (
    address,
    limits,
    rabbitmq_node,
    redis_acl,
    sentinel,
    url,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import did_you_mean

Hostvars = Mapping[str, Mapping[str, Any]]
Groups = Mapping[str, Sequence[str]]


def broker_limits(
    facts: Mapping[str, Any], groups: Groups, host: str, memory_max_mb: int = 0, maxmemory_mb: int = 0
) -> dict[str, Any]:
    """Return the limits as a dictionary."""
    shared, beside_mb = address.shares_host(groups, host), limits.sentinel_mb(groups)
    asked = int(memory_max_mb), int(maxmemory_mb)
    try:
        return asdict(limits.memory_limits(limits.host_memory_mb(facts), shared, *asked, beside_mb))
    except ValueError as error:
        raise ValueError(f"{host}: broker_maxmemory_mb = {maxmemory_mb}: {error}") from error


def broker_names(hostvars: Hostvars, host: str, peers: Sequence[str] = ()) -> list[str]:
    """Return the names."""
    return address.tls_names(hostvars, host, peers)


def broker_primary(hostvars: Hostvars, groups: Groups, host: str) -> dict[str, Any]:
    """Return where the primary is, and what the host that asks is told of itself."""
    addresses = address.broker_addresses(hostvars, groups)
    return {
        "primary": address.primary_address(hostvars, groups),
        "own": addresses[host],
        "sentinel": url.own_sentinel_url(hostvars, host),
        "quorum": sentinel.quorum(len(addresses)),
    }


def broker_sentinel(hostvars: Hostvars, groups: Groups, host: str, login: str = "worker") -> dict[str, Any]:
    """Return the options."""
    return url.sentinel_options(hostvars, groups, host, login)


def broker_url(
    hostvars: Hostvars,
    groups: Groups,
    host: str,
    database: int = 0,
    login: str = "worker",
    app: bool = False,
    results: bool = False,
) -> str | None:
    """Return the URL, or None where it cannot hold the results that it is asked for."""
    if app and "celery_app_broker_url" in hostvars[host]:
        found = str(hostvars[host]["celery_app_broker_url"] or "")
    else:
        found = url.broker_url(hostvars, groups, host, database, login)
    return usable_result_backend(found) if results else found


def broker_users(asked: Mapping[str, Any], of: str = "redis") -> dict[str, str]:
    """Return the users."""
    users = {"redis": redis_acl.users, "sentinel": redis_acl.sentinel_users}
    if of not in users:
        raise ValueError(f"of = {of!r}: {did_you_mean(of, users)}")
    return users[of](redis_acl.read(asked))


class FilterModule:
    """Names the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by their names."""
        return {
            "broker_limits": broker_limits,
            "broker_names": broker_names,
            "broker_primary": broker_primary,
            "broker_sentinel": broker_sentinel,
            "broker_url": broker_url,
            "broker_users": broker_users,
            "rabbitmq_config": rabbitmq_node.config,
        }
