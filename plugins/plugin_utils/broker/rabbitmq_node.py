# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What one node of the fleet's RabbitMQ is configured with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import rabbitmq, rabbitmq_objects
from .address import bind_addresses, shares_host
from .limits import host_memory_mb, unit_limit
from .rabbitmq import DATA, LEAST_CLUSTER, Asked, Limits, is_long

DAY_SECONDS, DAY_MS = 86_400, 86_400_000


def config(
    asked: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    host: str,
    facts: Mapping[str, Any],
    peers: Mapping[str, str],
    tls_directory: str,
) -> dict[str, Any]:
    """Return the configuration of the node, what its unit may use in MB, and the objects of the vhost.

    :param asked: The role's variables without their prefix.
    :param groups: Hosts of every inventory group.
    :param host: The host of the node.
    :param facts: Its facts.
    :param peers: Where the nodes find each other, by their hosts.
    :param tls_directory: Where the certificate is.
    """
    own, _wrong = rabbitmq.read(asked["rabbitmq"])
    nodes = list(peers.values())
    limit, why = unit_limit(host_memory_mb(facts), shares_host(groups, host), int(asked["memory_max_mb"]))
    bind, port = bind_addresses(asked["bind"]), int(asked["port"])
    tls = tls_directory if asked["tls"] else ""
    return {
        "settings": settings(bind, port, tls, rabbitmq.Limits(limit), nodes, own),
        "environment": environment(peers[host], nodes),
        "cluster": len(nodes) > 1,
        "memory_max_mb": limit,
        "why": why,
        "objects": rabbitmq_objects.objects(str(asked["password"]), str(asked["monitor_password"]), own),
    }


def settings(
    bind: Sequence[str], port: int, tls_directory: str, limits: Limits, places: Sequence[str], asked: Asked
) -> dict[str, Any]:
    """Return the settings of rabbitmq.conf.

    :param bind: Addresses to listen on.
    :param port: Where it listens on each of them.
    :param tls_directory: Where the certificate is; empty for none.
    :param limits: What it may use.
    :param places: Where the nodes of a cluster are, or the only one.
    :param asked: The role's variables.
    """
    listeners = [f"[{address}]:{port}" if ":" in address else f"{address}:{port}" for address in bind]
    found: dict[str, Any] = {"log.file": "false", "log.console": "true"}
    kind = "ssl" if tls_directory else "tcp"
    found |= {f"listeners.{kind}.{number}": place for number, place in enumerate(listeners, 1)}
    if tls_directory:
        found |= {
            "listeners.tcp": "none",
            "ssl_options.cacertfile": "/etc/ssl/celery-broker-ca.pem",
            "ssl_options.certfile": f"{tls_directory}/server.pem",
            "ssl_options.keyfile": f"{tls_directory}/server.pem",
            "ssl_options.verify": "verify_none",
            "ssl_options.fail_if_no_peer_cert": "false",
        }
    found |= {
        "management.tcp.ip": "127.0.0.1",
        "management.tcp.port": 15672,
        "vm_memory_high_watermark.absolute": f"{limits.watermark_mb}MB",
        "disk_free_limit.absolute": f"{limits.disk_free_mb}MB",
        "raft.wal_max_size_bytes": limits.wal_mb * 1024 * 1024,
        # For a RabbitMQ before 3.12, which knows no policy for it. In whole days, as a change restarts it.
        "consumer_timeout": -(-max(asked.consumer_timeout, 1) // DAY_SECONDS) * DAY_MS,
    }
    if len(places) > 1:
        found |= {
            "cluster_formation.peer_discovery_backend": "classic_config",
            "cluster_partition_handling": "pause_minority",
            **{
                f"cluster_formation.classic_config.nodes.{number}": node(place, single=False)
                for number, place in enumerate(places, 1)
            },
        }
    return {**found, **asked.settings}


def environment(place: str, places: Sequence[str]) -> dict[str, str]:
    """Return what rabbitmq-env.conf sets, for the server and for rabbitmqctl."""
    single = len(places) < LEAST_CLUSTER
    found = {"NODENAME": node(place, single), "MNESIA_BASE": f"{DATA}/celery"}
    if single:
        # Nodes speak to each other here, and there is none but this.
        found["SERVER_ADDITIONAL_ERL_ARGS"] = '"-kernel inet_dist_use_interface {127,0,0,1}"'
    elif is_long(places):
        found["USE_LONGNAME"] = "true"
    return found


def node(place: str, single: bool) -> str:
    """Return the name of a node. A single one keeps its data when its host is renamed."""
    return "rabbit@localhost" if single else f"rabbit@{place}"
