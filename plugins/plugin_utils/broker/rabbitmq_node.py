# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What one node of the fleet's RabbitMQ is configured with, and what the vhost of all nodes holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import rabbitmq
from .address import GROUP, bind_addresses, peer_addresses, shares_host
from .limits import host_memory_mb, unit_limit


def config(
    asked: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    host: str,
    facts: Mapping[str, Any],
    hostvars: Mapping[str, Mapping[str, Any]],
    tls_directory: str,
) -> dict[str, Any]:
    """Return the configuration of the node, what its unit may use in MB, and the objects of the vhost.

    Args:
        asked: The role's variables without their prefix.
        groups: Hosts of every inventory group.
        host: The host of the node.
        facts: Its facts.
        hostvars: Variables of every host, which tell how the nodes find each other.
        tls_directory: Where the certificate is.
    """
    own, _wrong = rabbitmq.read(asked["rabbitmq"])
    addresses = peer_addresses(hostvars, groups[GROUP])
    nodes = list(addresses.values())
    limit, why = unit_limit(host_memory_mb(facts), shares_host(groups, host), int(asked["memory_max_mb"]))
    bind, port = bind_addresses(asked["bind"]), int(asked["port"])
    tls = tls_directory if asked["tls"] else ""
    return {
        "settings": rabbitmq.settings(bind, port, tls, rabbitmq.Limits(limit), nodes, own),
        "environment": rabbitmq.environment(addresses[host], nodes),
        "cluster": len(nodes) > 1,
        "memory_max_mb": limit,
        "why": why,
        "objects": {
            "vhost": own.vhost,
            "users": rabbitmq.users(str(asked["password"]), str(asked["monitor_password"]), own),
            "policies": rabbitmq.policies(own),
            "dead_letters": rabbitmq.DEAD if own.queue_type == "quorum" else "",
        },
    }
