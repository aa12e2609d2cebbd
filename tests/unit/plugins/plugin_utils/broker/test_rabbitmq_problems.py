# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is refused of a RabbitMQ."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import (
    limits,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker.problems import broker_problems
from unit.plugins.plugin_utils.broker.rabbitmq_fleet import ASKED, COOKIE, FACTS, ONE, OWN, THREE, read


def told(groups: dict[str, list[str]], host: str, **asked: Any) -> list[str]:
    """Return the problems' texts."""
    facts = asked.pop("facts", FACTS)
    memory, room = limits.host_memory_mb(facts), limits.host_room_mb(facts, "rabbitmq")
    places = asked.pop("places", read())
    found = broker_problems({**ASKED, **asked}, groups, host, memory, room, places)
    return [problem.text(host) for problem in found]


@pytest.mark.parametrize(
    ("groups", "host", "asked"),
    [
        (ONE, "hub", {}),
        (ONE, "w1", {}),
        ({"celery_broker": ["hub"], "celery_queue_mail": ["hub"]}, "hub", {"bind": ["127.0.0.1"]}),
        (THREE, "a", {"rabbitmq": COOKIE}),
        (ONE, "hub", {"rabbitmq": {**OWN, "settings": {"channel_max": 100}}}),
        (ONE, "hub", {"rabbitmq": {**OWN, "users": {"exporter": {"password": "x", "tags": ["monitoring"]}}}}),
    ],
)
def test_what_is_well(groups: dict[str, list[str]], host: str, asked: dict[str, Any]) -> None:
    """A sound inventory has no problem."""
    assert told(groups, host, **asked) == []


@pytest.mark.parametrize(
    ("groups", "asked", "problem"),
    [
        (ONE, {"password": "", "monitor_password": "", "bind": ["127.0.0.1"], "address": "tunnel"},
         "broker_password = '': RabbitMQ lets in nobody without a password; set it"),
        (ONE, {"key_prefix": "shop:"},
         "broker_key_prefix = (hidden): of no effect with RabbitMQ; leave it out: set broker_rabbitmq_vhost"),
        ({**THREE, "celery_broker": ["hub", "a"]}, {"rabbitmq": COOKIE},
         "group celery_broker = ['hub', 'a']: 2 nodes have no majority when one half is lost; put 1, 3 or 5 "
         "hosts in it"),
        ({**THREE, "celery_broker": ["hub", "a", "b"]}, {},
         "broker_rabbitmq_cookie = '': the nodes of a cluster know each other by it; make one "
         "(openssl rand -hex 24) and keep it with ansible-vault"),
        (ONE, {"rabbitmq": {**OWN, "queue_type": "stream"}},
         "broker_rabbitmq_queue_type = stream: no such type; use one of quorum, classic"),
        (ONE, {"rabbitmq": {**OWN, "delivery_limit": 0}},
         "broker_rabbitmq_delivery_limit = 0: not a whole number of at least 1; set one"),
        (ONE, {"rabbitmq": {**OWN, "settings": {"listeners.tcp.9": 1}}},
         "broker_rabbitmq_settings.listeners.tcp.9 = 1: not set here; set broker_bind and broker_port"),
        (ONE, {"rabbitmq": {**OWN, "users": {"celery": {"password": "x"}}}},
         "broker_rabbitmq_users.celery = (hidden): the role's own; choose another name"),
        (ONE, {"rabbitmq": {**OWN, "users": {"x": {"password": "x", "role": "y"}}}},
         "broker_rabbitmq_users.x = (hidden): not a user; give it some of configure, password, "
         "password_hash, read, tags, write"),
        (ONE, {"rabbitmq": {**OWN, "users": {"x": {}}}},
         "broker_rabbitmq_users.x = (hidden): one of password and password_hash is needed; give one"),
        (ONE, {"rabbitmq": {**OWN, "users": {"x": {"password_hash": "abc"}}}},
         "broker_rabbitmq_users.x.password_hash = (hidden): not a salted SHA-256 of RabbitMQ; take it from "
         "rabbitmqctl hash_password"),
        (ONE, {"memory_max_mb": 128},
         "broker_memory_max_mb = 128: RabbitMQ needs 256 MB and may use broker_memory_max_mb = 128; set "
         "celery_worker_reserve: {broker: 256}, or give it a larger host"),
        (ONE, {"facts": {"celeryops": {"memory_mb": 2048, "state_room_mb": {"/var/lib/rabbitmq": 3000}}}},
         "broker_memory_max_mb = 0: it takes nothing with less than 1536 MB free, and /var/lib/rabbitmq has "
         "room for 3000; give /var/lib/rabbitmq a larger disk, or RabbitMQ less memory"),
    ],
)  # fmt: skip
def test_what_is_refused(groups: dict[str, list[str]], asked: dict[str, Any], problem: str) -> None:
    """Each problem names the host, the variable, the value and the fix, and no secret."""
    assert told(groups, "hub", **asked) == [f"hub: {problem}"]


def test_names_of_one_kind() -> None:
    """Erlang knows nodes by names with a dot, or by names without."""
    places = read()
    places["a"]["ansible_host"] = "10.0.0.1"
    (problem,) = told(THREE, "b", rabbitmq=COOKIE, places=places)
    assert "some nodes go by a name with a dot and some without" in problem
