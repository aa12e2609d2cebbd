# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""RabbitMQ: where its nodes are, who may do what, and what is refused."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import (
    limits,
    rabbitmq,
    rabbitmq_node,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker.problems import broker_problems
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker.url import broker_url
from hypothesis import given
from hypothesis import strategies as st
from kombu.connection import Connection
from kombu.utils.url import parse_url

OWN = {"vhost": "celery", "consumer_timeout": 3600}
ASKED: dict[str, Any] = {
    "type": "rabbitmq", "url": "", "address": "", "bind": ["0.0.0.0"], "port": 5672, "password": "s3cret",
    "monitor_password": "m", "replica_password": "", "previous_passwords": [], "default_user": False,
    "key_prefix": "",
    "redis_users": {}, "redis_settings": {}, "tls": False, "tls_certificate": "", "tls_key": "", "tls_ca": "",
    "memory_max_mb": 0, "maxmemory_mb": 0, "rabbitmq": OWN,
}  # fmt: skip
ONE = {"celery_broker": ["hub"], "celery_queue_mail": ["w1"]}
THREE = {"celery_broker": ["a", "b", "c"], "celery_queue_mail": ["w1", "w2", "w3", "w4"]}
FACTS = {"celeryops": {"memory_mb": 2048}}
COOKIE = {**OWN, "cookie": "c00kie"}


def hostvars(**shared: Any) -> dict[str, dict[str, Any]]:
    """Return the variables of all hosts, those of the group `celery` among them."""
    common = {"broker_type": "rabbitmq", "broker_bind": ["0.0.0.0"], "broker_password": "p@/ss", **shared}
    return {host: dict(common) for host in ("hub", "a", "b", "c", "w1", "w2", "w3", "w4")}


def told(groups: dict[str, list[str]], host: str, **asked: Any) -> list[str]:
    """Return the problems' texts."""
    facts = asked.pop("facts", FACTS)
    memory, room = limits.host_memory_mb(facts), limits.host_room_mb(facts, "rabbitmq")
    places = asked.pop("places", hostvars())
    found = broker_problems({**ASKED, **asked}, groups, host, memory, room, places)
    return [problem.text(host) for problem in found]


def test_the_url_of_one_node() -> None:
    """A host of the fleet, the broker's own, and one with TLS."""
    assert broker_url(hostvars(), ONE, "w1") == "amqp://celery:p%40%2Fss@hub:5672/celery"
    assert broker_url(hostvars(), ONE, "hub") == "amqp://celery:p%40%2Fss@127.0.0.1:5672/celery"
    assert broker_url(hostvars(broker_tls="true"), ONE, "w1").startswith("amqps://")
    assert broker_url(hostvars(broker_tls=True), ONE, "w1").endswith("@hub:5671/celery")
    monitor = broker_url(hostvars(broker_monitor_password="m"), ONE, "w1", login="monitor")
    assert monitor == "amqp://celery-monitor:m@hub:5672/celery"
    assert broker_url(hostvars(), ONE, "w1", database=1) == broker_url(hostvars(), ONE, "w1")


def test_the_hosts_of_a_fleet_begin_with_different_nodes() -> None:
    """Each knows all of them."""
    urls = [broker_url(hostvars(), THREE, host).split(";") for host in ("w1", "w2", "w3", "w4")]
    assert [re.findall("@(.):", ";".join(url)) for url in urls] == [
        ["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]
    ]  # fmt: skip


@given(password=st.text(min_size=1), vhost=st.text(min_size=1, max_size=20))
def test_celery_reads_back_any_password_and_vhost(password: str, vhost: str) -> None:
    """What kombu takes out of the URL is what was put in."""
    url = rabbitmq.url(["hub"], 5672, "celery", password, vhost)
    read = parse_url(url)
    assert (read["password"], read["hostname"], read["port"]) == (password, "hub", 5672)
    assert Connection(url).virtual_host == vhost


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
    places = hostvars()
    places["a"]["ansible_host"] = "10.0.0.1"
    (problem,) = told(THREE, "b", rabbitmq=COOKIE, places=places)
    assert "some nodes go by a name with a dot and some without" in problem


def configured(groups: dict[str, list[str]], host: str, **asked: Any) -> dict[str, Any]:
    """Return what the node of a host is configured with."""
    return rabbitmq_node.config({**ASKED, **asked}, groups, host, FACTS, hostvars(), "/tls")


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
    milliseconds = rabbitmq.settings(["::"], 1, "", rabbitmq.Limits(256), ["x"], asked)["consumer_timeout"]
    assert milliseconds >= seconds * 1000
    assert milliseconds % 86_400_000 == 0
    assert rabbitmq.policies(asked)["tasks"]["definition"]["consumer-timeout"] == seconds * 1000


@given(memory=st.integers(rabbitmq.LEAST_MEMORY_MB, 2**20))
def test_what_it_holds_fits_its_unit(memory: int) -> None:
    """The watermark and the log of the quorum queues, on any host."""
    limits = rabbitmq.Limits(memory)
    assert limits.watermark_mb + limits.wal_mb < memory
    assert rabbitmq.LEAST_WAL_MB <= limits.wal_mb <= rabbitmq.MOST_WAL_MB


# What Celery makes: queues and exchanges of tasks, remote control, events, replies, delayed delivery.
CONTROL = ("w1@hub.celery.pidbox", "celery.pidbox", "reply.celery.pidbox", "celeryev", "celeryev.2f0c",
           "e3b0c442-98fc-1c14-9afb-f4c8996fb924.reply.celery.pidbox")  # fmt: skip

TASKS = ("mail", "a.b", "celery_delayed_27", "celery_delayed_delivery")


@pytest.mark.parametrize("name", CONTROL + TASKS)
def test_a_worker_may_make_fill_and_read_what_celery_makes(name: str) -> None:
    assert all(re.search(right, name) for right in rabbitmq.worker_rights())


@pytest.mark.parametrize("right", [0, 1, 2])
def test_nobody_touches_dead_letters_and_a_monitor_no_task(right: int) -> None:
    worker, monitor = rabbitmq.worker_rights()[right], rabbitmq.monitor_rights()[right]
    assert not re.search(worker, "dead-letters")
    assert re.search(worker, "dead-letters-of-mine")
    assert [name for name in ("dead-letters", "amq.default", *TASKS) if re.search(monitor, name)] == []
    assert [name for name in CONTROL if not re.search(monitor, name)] == []


# "" and amq.default are the one that leads to each queue by its name.
FOREIGN = ("mail", "celery", "amq.default", "amq.topic", "", "celeryevents", "celery.pidbox.x", "x.celeryev")


@pytest.mark.parametrize("exchange", FOREIGN)
def test_a_monitor_binds_itself_to_no_exchange_of_tasks(exchange: str) -> None:
    """To bind takes the right to read the exchange; to dead-letter to it, the right to write there."""
    assert [right for right in rabbitmq.monitor_rights() if re.search(right, exchange)] == []


@pytest.mark.parametrize("name", [*CONTROL, "dead-letters", "celery_delayed_0", "celery_delayed_27",
                                  "e3b0c442-98fc-1c14-9afb-f4c8996fb924"])  # fmt: skip
def test_only_tasks_become_dead_letters(name: str) -> None:
    pattern = rabbitmq.policies(rabbitmq.Asked())["tasks"]["pattern"]
    assert not re.search(pattern, name)
    assert re.search(pattern, "mail")
    assert re.search(pattern, f"tasks-{name[:8]}")
