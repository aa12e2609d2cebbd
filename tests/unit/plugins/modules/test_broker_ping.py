# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the module tells of a broker."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_ask import Answer
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import (
    BrokerError,
)
from ansible_collections.celeryops.systemd.plugins.modules.broker_ping import (
    ask_nodes,
    ask_until,
    held_too_long,
)
from unit.plugins.module_utils.amqp_frames import LOGGED_IN, amqp_frame, amqp_start
from unit.plugins.modules.running import run_module

StartRedis = Callable[..., int]
StartServer = Callable[[bytes], int]
PASSWORD = "pl@nted/päss:word"
ping = partial(run_module, "broker_ping")


def warnings(result: dict[str, Any]) -> list[str]:
    """Return the texts of a result's warnings, as ansible-core of any version tells them."""
    return [
        warning if isinstance(warning, str) else warning["event"]["msg"]
        for warning in result.get("warnings", [])
    ]


def test_least_privilege_user_passes(start_redis: StartRedis) -> None:
    """A user that may not read INFO can still serve Celery; what is not known is told."""
    port = start_redis("--user", "app", "on", ">pw", "~*", "&*", "+ping", "+select")
    result = ping(url=f"redis://app:pw@127.0.0.1:{port}/0")
    assert (result["changed"], result["version"]) == (False, "")
    [warning] = warnings(result)
    assert warning.startswith(
        f"broker_url = redis://***@127.0.0.1:{port}: version, eviction policy, persistence and role could "
        "not be read (NOPERM"
    )
    assert warning.endswith("make sure yourself that maxmemory-policy is noeviction")


def test_what_is_doubtful_is_a_warning(start_redis: StartRedis) -> None:
    """It serves, and the operator learns what a bad day would cost; the roles' own Redis has none of it."""
    port = start_redis("--maxmemory-policy", "volatile-lru")
    told = warnings(ping(url=f"redis://127.0.0.1:{port}/0"))
    assert [line.split(": ")[1].split(" = ")[0] for line in told] == ["maxmemory-policy", "appendonly"]
    safe = start_redis("--appendonly", "yes")
    assert warnings(ping(url=f"redis://127.0.0.1:{safe}/0")) == []


def test_a_cluster_and_a_replica_are_refused(start_redis: StartRedis) -> None:
    """Neither can hold Celery's queues."""
    cluster = ping(url=f"redis://127.0.0.1:{start_redis('--cluster-enabled', 'yes')}/0")
    assert "cluster-enabled = yes: Celery cannot use a Redis Cluster" in cluster["msg"]
    primary = start_redis("--appendonly", "yes")
    replica = start_redis("--replicaof", "127.0.0.1", str(primary), "--appendonly", "yes")
    assert "role = slave: a replica takes no tasks" in ping(url=f"redis://127.0.0.1:{replica}/0")["msg"]


def test_eviction_of_queues_is_refused(start_redis: StartRedis) -> None:
    """A policy that throws queues away fails with the fix, and so does a setting that differs."""
    port = start_redis("--maxmemory-policy", "allkeys-lru")
    result = ping(url=f"redis://127.0.0.1:{port}/0", expect={"aof_enabled": "1"})
    assert result["failed"]
    assert "maxmemory-policy = allkeys-lru" in result["msg"]
    assert "set noeviction" in result["msg"]
    assert f"broker_url = redis://127.0.0.1:{port}: aof_enabled = 0, and 1 was asked for" in result["msg"]


def test_module_never_tells_the_password(start_redis: StartRedis) -> None:
    """Neither the result nor the message holds it, plain or encoded."""
    port = start_redis("--requirepass", PASSWORD)
    good = ping(url=f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/0")
    assert (good["changed"], good["product"]) == (False, "redis")
    bad = ping(url=f"redis://:{quote(PASSWORD + 'x', safe='')}@127.0.0.1:{port}/0")
    assert f"broker_url = redis://***@127.0.0.1:{port}: " in bad["msg"]
    for secret in (PASSWORD, quote(PASSWORD, safe="")):
        assert secret not in json.dumps([good, bad], ensure_ascii=False)


def test_waits_for_one_that_starts(start_redis: StartRedis, free_port: int) -> None:
    """A broker that is not there yet gets time; without time it is refused at once."""
    url = f"redis://127.0.0.1:{free_port}/0"
    with pytest.raises(BrokerError, match=r"cannot connect.*start the broker"):
        ask_until(url, timeout=5, wait=0)
    threading.Timer(0.5, start_redis, kwargs={"port": free_port}).start()
    assert ask_until(url, timeout=5, wait=30).product == "redis"


def test_one_node_of_several_is_enough(start_server: StartServer, free_port: int) -> None:
    """The others are told of."""
    reply = amqp_start() + LOGGED_IN + amqp_frame(0, 10, 51)
    gone, here = f"amqp://a:b@127.0.0.1:{free_port}//", f"amqp://a:b@127.0.0.1:{start_server(reply)}//"
    answer, (wrong,) = ask_nodes(f"{gone};{here}", timeout=5, wait=0)
    assert answer.version == "4.1.2"
    assert wrong.startswith(f"amqp://***@127.0.0.1:{free_port}//: cannot connect")
    with pytest.raises(BrokerError, match="cannot connect"):
        ask_nodes(gone, timeout=5, wait=0)


@pytest.mark.parametrize(
    ("product", "held", "told"), [("rabbitmq", 1800, 1), ("rabbitmq", 9, 0), ("redis", 9999, 0)]
)
def test_a_task_that_rabbitmq_may_take_back(product: str, held: int, told: int) -> None:
    """Nobody can ask it for its consumer timeout, so the operator is told of the default."""
    assert len(held_too_long(Answer(product), held)) == told
