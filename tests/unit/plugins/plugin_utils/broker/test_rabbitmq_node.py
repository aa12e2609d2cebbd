# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a node of RabbitMQ is configured with."""

from __future__ import annotations

from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import (
    rabbitmq,
    rabbitmq_node,
    rabbitmq_objects,
    url,
)
from hypothesis import given
from hypothesis import strategies as st
from unit.plugins.plugin_utils.broker.rabbitmq_fleet import ASKED, COOKIE, FACTS, ONE, THREE, read


def configured(groups: dict[str, list[str]], host: str, **asked: Any) -> dict[str, Any]:
    """Return what the node of a host is configured with."""
    peers = url.served(host, read(), groups, {})["peers"]
    return rabbitmq_node.config({**ASKED, **asked}, groups, host, FACTS, peers, "/tls")


def test_a_single_node_speaks_erlang_on_loopback_only() -> None:
    """Its name is not its host's, so that a new name of the host loses no queue."""
    found = configured(ONE, "hub")
    assert found["environment"]["NODENAME"] == "rabbit@localhost"
    assert "127,0,0,1" in found["environment"]["SERVER_ADDITIONAL_ERL_ARGS"]
    assert not [name for name in found["settings"] if name.startswith("cluster")]
    assert found["settings"]["management.tcp.ip"] == "127.0.0.1"
    assert (found["memory_max_mb"], found["settings"]["vm_memory_high_watermark.absolute"]) == (1536, "921MB")


def test_a_cluster_knows_its_nodes() -> None:
    """All three have the same list, and stop serving when they are the minority."""
    found = configured(THREE, "b", rabbitmq=COOKIE)
    nodes = [value for name, value in found["settings"].items() if ".classic_config.nodes." in name]
    assert nodes == ["rabbit@a", "rabbit@b", "rabbit@c"]
    assert found["settings"]["cluster_partition_handling"] == "pause_minority"
    assert found["environment"]["NODENAME"] == "rabbit@b"


def test_tls_closes_the_plain_port() -> None:
    """No listener is left without it."""
    settings = configured(ONE, "hub", tls=True, port=5671)["settings"]
    assert (settings["listeners.tcp"], settings["listeners.ssl.1"]) == ("none", "0.0.0.0:5671")


@given(seconds=st.integers(1, 10**7))
def test_the_consumer_timeout_is_never_below_what_is_asked(seconds: int) -> None:
    """In rabbitmq.conf it is a whole number of days, in the policy it is exact."""
    asked = rabbitmq.Asked(consumer_timeout=seconds)
    milliseconds = rabbitmq_node.settings(["::"], 1, "", rabbitmq.Limits(256), ["x"], asked)[
        "consumer_timeout"
    ]
    assert milliseconds >= seconds * 1000
    assert milliseconds % 86_400_000 == 0
    assert rabbitmq_objects.policies(asked)["tasks"]["definition"]["consumer-timeout"] == seconds * 1000
