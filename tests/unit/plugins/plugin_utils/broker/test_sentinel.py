# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Redis on several hosts: what is refused, who is the primary, and how clients find it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis.exceptions
import yaml
from ansible_collections.celeryops.systemd.plugins.filter.broker import broker_users
from ansible_collections.celeryops.systemd.plugins.module_utils import redis_users
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_ask import SentinelLogin, ask
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import BrokerError
from ansible_collections.celeryops.systemd.plugins.module_utils.host import redis_state
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.settings import (
    Own,
    Timeouts,
    celery_settings,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import sentinel, url
from asking import broker_asked, values
from asking import broker_problems_of as problems
from hypothesis import given
from hypothesis import strategies as st
from kombu.connection import Connection
from reference.roles import ROOT

StartRedis = Callable[..., int]
StartSentinel = Callable[[int, str], int]
FACTS: dict[str, Any] = {"celeryops": {"memory_mb": 2048}}
NEW = {"primary": "", "epoch": 0, "data": False}
HOSTS = ["a", "b", "c"]
GROUPS = {"celery_broker": HOSTS, "celery_queue_mail": ["w"]}
GIVEN: dict[str, Any] = {"bind": ["0.0.0.0"], "password": "p@ss", "replica_password": "r"}


def looked(states: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    """Return what is on the disks of the three brokers, as facts of theirs."""
    found = dict.fromkeys(HOSTS, NEW) | (states or {})
    return {host: {"ansible_facts": {"celeryops": {"redis": state}}} for host, state in found.items()}


def inventory(**given: Any) -> dict[str, dict[str, Any]]:
    """Return the variables of three brokers and a worker."""
    own = values(**{f"broker_{name}": value for name, value in {**GIVEN, **given}.items()})
    return dict.fromkeys([*HOSTS, "w"], own)


def reached(read: dict[str, Any], groups: dict[str, list[str]], login: str = "worker") -> tuple[str, Any]:
    """Return the URL that the worker has, and the options."""
    return url.reached(url.place("w", read, groups), read["w"], login)


@pytest.mark.parametrize("hosts", [["a"], HOSTS, [*HOSTS, "d", "e"]])
def test_how_many_are_well(hosts: list[str]) -> None:
    assert sentinel.problems(hosts, "r") == []
    assert hosts[1:] == [] or sentinel.quorum(len(hosts)) > len(hosts) / 2


@pytest.mark.parametrize(
    ("asked", "hosts", "words"),
    [
        ({}, ["a", "b"], "when one of two hosts is gone, the other alone is no majority"),
        ({}, [*HOSTS, "d"], "a majority of 4 outlives the loss of no more hosts than one of 3; put 3 hosts"),
        ({"replica_password": ""}, HOSTS, "a: broker_replica_password = '': the hosts of one Redis log in"),
        ({"replica_password": "your_x_here"}, HOSTS, "a: broker_replica_password = (hidden): the hosts of"),
        ({"replica_password": 'a "quote'}, HOSTS, "a: broker_replica_password = (hidden): a character"),
        ({"bind": ["127.0.0.1"]}, HOSTS, "b, c, w cannot reach a broker that listens on loopback only"),
        ({"redis_settings": {"replicaof": "x 1"}}, HOSTS, "broker_redis_settings.replicaof = x 1"),
    ],
)
def test_what_is_refused(asked: dict[str, Any], hosts: list[str], words: str) -> None:
    groups = {"celery_broker": hosts, "celery_queue_mail": ["w"]}
    (problem,) = problems(groups, "a", FACTS, looked(), **{**GIVEN, **asked})
    assert words in problem


def test_what_is_well() -> None:
    for host in ("a", "w"):
        assert problems(GROUPS, host, FACTS, looked(), **GIVEN) == []
    # A play of the workers alone has not looked at the brokers.
    assert problems(GROUPS, "w", FACTS, **GIVEN) == []


@pytest.mark.parametrize(
    ("states", "primary"),
    [
        ({}, "a"),
        ({"b": {**NEW, "data": True}}, "b"),  # the broker of one host grows
        ({"a": {"primary": "a", "epoch": 0, "data": True}, "b": {**NEW, "data": True}}, "a"),
        (
            {
                "a": {"primary": "a", "epoch": 3, "data": True},  # it was away
                "b": {"primary": "c", "epoch": 4, "data": True},
                "c": NEW,
            },
            "c",
        ),
    ],
)
def test_who_is_the_primary(states: dict[str, Any], primary: str) -> None:
    found = url.served("b", inventory(), GROUPS, dict.fromkeys(HOSTS, NEW) | states)
    assert (found["primary"], found["announced"], found["quorum"]) == (primary, "b", 2)
    assert (found["url"], found["sentinel"]) == ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:26379/0")


def test_it_does_not_guess() -> None:
    held = {**NEW, "data": True}
    (said,) = problems(GROUPS, "b", FACTS, looked({"a": held, "c": held}), **GIVEN)
    assert "a and c have each been a broker" in said
    assert said.endswith("move /var/lib/redis/celery away on the others")
    unasked = looked()
    del unasked["c"]
    (said,) = problems(GROUPS, "a", FACTS, unasked, **GIVEN)
    assert "c could be the host that has" in said
    assert said.endswith("play all of them the first time")


@given(
    epochs=st.lists(st.integers(0, 99), min_size=3, max_size=3, unique=True),
    data=st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_the_last_agreement_counts(epochs: list[int], data: list[bool]) -> None:
    states = {
        host: {"primary": host, "epoch": epoch, "data": held}
        for host, epoch, held in zip(HOSTS, epochs, data, strict=True)
    }
    assert sentinel.primary({host: host for host in HOSTS}, states) == HOSTS[epochs.index(max(epochs))]


def test_what_is_on_the_disk(tmp_path: Path) -> None:
    assert redis_state(tmp_path) == NEW
    (tmp_path / "celery/appendonlydir").mkdir(parents=True)
    assert redis_state(tmp_path) == {**NEW, "data": True}
    kept = "port 26379\nsentinel monitor celery b.example 6379 2\nsentinel config-epoch celery 7\n"
    (tmp_path / "celery-sentinel.conf").write_text(kept)
    assert redis_state(tmp_path) == {"primary": "b.example", "epoch": 7, "data": True}


def test_urls() -> None:
    read = inventory(monitor_password="m")
    assert reached(read, GROUPS)[0] == (
        "sentinel://celery:p%40ss@a:26379/0;sentinel://celery:p%40ss@b:26379/0;"
        "sentinel://celery:p%40ss@c:26379/0"
    )
    monitor = reached(read, GROUPS, "monitor")[0]
    assert url.with_database(monitor, 1).startswith("sentinel://celery-monitor:m@a:26379/1;")
    given = "sentinel://:x@s1/0;sentinel://:x@s2/0?ssl_ca_certs=/ca"
    external = reached({"w": values(broker_url=given)}, {})[0]
    assert url.with_database(external, 3) == "sentinel://:x@s1/3;sentinel://:x@s2/3?ssl_ca_certs=/ca"


def test_what_clients_are_told() -> None:
    patience = {"socket_timeout": 1, "socket_connect_timeout": 1, "retry": None}
    assert reached(inventory(), {"celery_broker": ["a"]})[1] == {}
    assert reached({"w": values(broker_url="redis://h/0")}, {})[1] == {}
    place, encrypted = reached(inventory(tls=True), GROUPS)
    words = {
        "ssl_cert_reqs": "required",
        "ssl_ca_certs": "/etc/ssl/celery-broker-ca.pem",
        "ssl_check_hostname": True,
    }
    login = {"username": "celery", "password": "p@ss"}
    assert encrypted == {
        "master_name": "celery",
        "sentinel_kwargs": {**login, **patience, "ssl": True, **words},
    }
    external = values(broker_url="sentinel://s1/0", broker_sentinel_name="mymaster")
    assert reached({"w": external}, {})[1] == {"master_name": "mymaster", "sentinel_kwargs": patience}
    settings = celery_settings({}, Timeouts(1, 2, 3), place, place, Own("shop:", sentinels=encrypted))
    assert settings["broker_use_ssl"] == settings["redis_backend_use_ssl"] == words
    for transport in ("broker_transport_options", "result_backend_transport_options"):
        assert {**settings[transport], **encrypted, "global_keyprefix": "shop:"} == settings[transport]
    plain = celery_settings({}, Timeouts(1, 2, 3), place, "redis://elsewhere/0", Own(sentinels=encrypted))
    assert "master_name" not in plain["result_backend_transport_options"]


@pytest.fixture
def behind(start_redis: StartRedis, start_sentinel: StartSentinel) -> int:
    """The port of a Sentinel with the role's users, which knows a Redis as ``celery``."""
    users = redis_users.acl_file(broker_users(broker_asked(**GIVEN, monitor_password="m"), of="sentinel"))
    return start_sentinel(start_redis("--appendonly", "yes"), users)


def test_a_real_sentinel(behind: int, free_port: int) -> None:
    """The primary is asked, behind Sentinels one of which is silent; kombu goes the same way."""
    place = f"127.0.0.1:{behind}"
    url = f"sentinel://127.0.0.1:{free_port}/0;sentinel://{place}/0"
    answer = ask(url, 5, sentinel=SentinelLogin("celery", "celery", "p@ss"))
    assert answer.settings["role"] == "master"
    (silent,) = answer.doubtful
    assert silent.startswith("Sentinel 127.0.0.1:")
    with pytest.raises(BrokerError, match=r"refuses to tell .*fix broker_sentinel_user"):
        ask(f"sentinel://{place}/0", 5, sentinel=SentinelLogin("celery", "celery", "other"))
    with pytest.raises(BrokerError, match=r"knows of no primary 'mymaster'; set broker_sentinel_name"):
        ask(f"sentinel://{place}/0", 5, sentinel=SentinelLogin("mymaster", "celery", "p@ss"))
    options = sentinel.options(url, "celery", "celery-monitor", "m")
    with Connection(url, transport_options=options) as connection:
        assert connection.default_channel.client.ping()


@pytest.mark.parametrize("command", ["SENTINEL FAILOVER celery", "SENTINEL REMOVE celery", "SHUTDOWN"])
def test_clients_may_only_ask(behind: int, command: str) -> None:
    with redis.Redis(port=behind, username="celery", password="p@ss") as client:
        assert client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME celery")
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(command)


def test_a_primary_without_a_replica(start_redis: StartRedis) -> None:
    """It takes no task: it does not serve yet."""
    port = start_redis("--min-replicas-to-write", "1")
    with pytest.raises(BrokerError, match=r"takes no task while it has no replica"):
        ask(f"redis://127.0.0.1:{port}/0", 5)


def test_a_replica_is_copied_to_at_once(start_redis: StartRedis, tmp_path: Path) -> None:
    """Until it is, a primary that has restarted refuses writes, and what they acknowledge runs again."""
    ours = yaml.safe_load((ROOT / "roles/broker/vars/main.yml").read_text())["__broker_replica_settings"]
    delay = {key: value for key, value in ours.items() if key.startswith("repl-diskless")}
    log = tmp_path / "primary.log"
    options = [word for key, value in delay.items() for word in (f"--{key}", str(value))]
    primary = start_redis("--logfile", str(log), *options)
    start_redis("--replicaof", f"127.0.0.1 {primary}", "--dbfilename", "replica.rdb")
    with redis.Redis(port=primary) as client:
        client.set("a task", "done")
        assert client.wait(1, 30_000) == 1
    assert "for SYNC" in log.read_text()
    assert "Delay next BGSAVE" not in log.read_text()
