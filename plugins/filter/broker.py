# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters that tell of the broker: their documentation stands beside, in <name>.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import (
    address,
    limits,
    rabbitmq_node,
    redis_acl,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import did_you_mean

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
            "broker_users": broker_users,
            "rabbitmq_config": rabbitmq_node.config,
        }
