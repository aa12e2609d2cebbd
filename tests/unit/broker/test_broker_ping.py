# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a broker answers, and what is said when it does not."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_ask import Answer, ask
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import (
    BrokerError,
    public_url,
)
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_safety import doubtful_redis
from ansible_collections.celeryops.systemd.plugins.modules.broker_ping import (
    ask_nodes,
    ask_until,
    held_too_long,
)
from unit.modules.running import run_module

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


def test_redis_says_what_it_is(start_redis: StartRedis) -> None:
    """Version, policy and persistence are read; nothing is changed."""
    port = start_redis("--requirepass", PASSWORD, "--appendonly", "yes")
    answer = ask(f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/1", timeout=5)
    assert answer.product == "redis"
    assert re.fullmatch(r"\d+\.\d+\.\d+", answer.version)
    assert answer.settings["aof_enabled"] == "1"
    assert answer.settings["maxmemory_policy"] == "noeviction"
    assert answer.unsafe == ()


@pytest.mark.parametrize(
    ("login", "database", "words"),
    [
        ("", "0", r"refuses the login \(NOAUTH.*fix broker_password"),
        (":wrong@", "0", r"refuses the login \(WRONGPASS"),
        ("nobody:wrong@", "0", r"refuses the login \(WRONGPASS"),
        (f":{quote(PASSWORD, safe='')}@", "99", r"has no database 99"),
    ],
)
def test_redis_refuses(start_redis: StartRedis, login: str, database: str, words: str) -> None:
    """A refusal is told with its fix, at once."""
    port = start_redis("--requirepass", PASSWORD)
    with pytest.raises(BrokerError, match=words):
        ask(f"redis://{login}127.0.0.1:{port}/{database}", timeout=5)


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


@pytest.mark.parametrize(
    ("version", "told"), [("6.0.16", True), ("6.2.0", False), ("7.0.15", False), ("", False)]
)
def test_a_version_too_old_for_kombu(version: str, told: bool) -> None:
    """The bindings of queues that expire need ZADD GT."""
    answer = doubtful_redis(version, {})
    assert any(f"version = {version}: kombu 5.7 needs" in line for line in answer) is told


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


def test_something_else_answers(start_server: StartServer) -> None:
    """A web server on that port is not taken for a broker."""
    page = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with pytest.raises(BrokerError, match="not Redis; fix the address or port"):
        ask(f"redis://127.0.0.1:{start_server(page)}/0", timeout=5)
    with pytest.raises(BrokerError, match="does not speak AMQP"):
        ask(f"amqp://127.0.0.1:{start_server(page)}//", timeout=5)


def amqp_frame(channel: int, class_id: int, method: int, arguments: bytes = b"") -> bytes:
    """Return a method frame of AMQP 0-9-1."""
    payload = struct.pack(">HH", class_id, method) + arguments
    return struct.pack(">BHI", 1, channel, len(payload)) + payload + b"\xce"


def amqp_start(version: bytes = b"4.1.2") -> bytes:
    """Return RabbitMQ's Connection.Start: a nested table, then product and version."""

    def text(name: bytes, value: bytes, kind: bytes = b"S") -> bytes:
        return bytes([len(name)]) + name + kind + len(value).to_bytes(4, "big") + value

    table = text(b"capabilities", b"\x04nackt\x01", b"F")
    table += text(b"product", b"RabbitMQ") + text(b"version", version)
    return amqp_frame(0, 10, 10, b"\x00\x09" + len(table).to_bytes(4, "big") + table)


def amqp_close(channel: int, code: int, words: str) -> bytes:
    """Return the frame with which a server closes a connection, or a channel, and says why."""
    text = struct.pack(">HB", code, len(words)) + words.encode() + bytes(4)
    return amqp_frame(channel, *((20, 40) if channel else (10, 50)), text)


TUNE = amqp_frame(0, 10, 30, bytes(8))
LOGGED_IN = TUNE + amqp_frame(0, 10, 41, b"\0")
LET_IN = LOGGED_IN + amqp_frame(1, 20, 11, bytes(4))


def test_amqp_says_what_it_is(start_server: StartServer) -> None:
    """It is logged in to, and asked what an older Celery relies on."""
    reply = amqp_start() + LET_IN + amqp_frame(1, 60, 11) + amqp_frame(0, 10, 51)
    answer = ask(f"amqp://127.0.0.1:{start_server(reply)}//", timeout=5, probe=True)
    assert (answer.product, answer.version, answer.doubtful) == ("rabbitmq", "4.1.2", ())
    assert answer.settings == {"global_qos": "1"}


@pytest.mark.parametrize("channel", [0, 1])
def test_amqp_without_global_qos(start_server: StartServer, channel: int) -> None:
    """Whether the channel or the connection is closed over it."""
    reply = amqp_start(b"4.3.0") + LET_IN + amqp_close(channel, 540, "NOT_IMPLEMENTED - global QoS")
    (doubt,) = ask(f"amqp://127.0.0.1:{start_server(reply)}/shop", timeout=5, probe=True).doubtful
    assert "global QoS = refused" in doubt
    assert "task_default_queue_type: quorum" in doubt


def test_amqp_that_is_too_old(start_server: StartServer) -> None:
    """It has no dead letters that are kept until they are taken."""
    reply = amqp_start(b"3.9.2") + LOGGED_IN + amqp_frame(0, 10, 51)
    (doubt,) = ask(f"amqp://127.0.0.1:{start_server(reply)}//", timeout=5).doubtful
    assert "version = 3.9.2" in doubt
    assert "need 3.10; update it" in doubt


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (amqp_close(0, 403, "ACCESS_REFUSED - Login was refused"), r"refuses the login.*broker_password"),
        (TUNE + amqp_close(0, 530, "NOT_ALLOWED - vhost shop not found"), r"no vhost shop.*name one"),
        (TUNE + amqp_close(0, 530, "NOT_ALLOWED - too many connections"), "refuses to serve"),
        (b"", "closed the connection"),
    ],
)
def test_amqp_that_refuses(start_server: StartServer, reply: bytes, words: str) -> None:
    """It says why, and what to fix."""
    port = start_server(amqp_start() + reply)
    with pytest.raises(BrokerError, match=words):
        ask(f"amqp://app:hush@127.0.0.1:{port}/shop", timeout=5)


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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a fresh self-signed certificate of 127.0.0.1."""
    place = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", place / "key.pem", "-out", place / "cert.pem", "-days", "1"),
            *("-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return place


def test_tls_as_the_url_asks(start_redis: StartRedis, certificate: Path) -> None:
    """The words of the URL decide, as they do for Celery."""
    files = ("--tls-cert-file", f"{certificate}/cert.pem", "--tls-key-file", f"{certificate}/key.pem")
    port = start_redis(*files, "--tls-auth-clients", "no", tls=True)
    url = f"rediss://127.0.0.1:{port}/0"
    with pytest.raises(BrokerError, match=r"not trusted.*name its CA"):
        ask(url, timeout=5)
    assert ask(f"{url}?ssl_cert_reqs=CERT_REQUIRED&ssl_ca_certs={certificate}/cert.pem", timeout=5).version
    assert ask(f"{url}?ssl_cert_reqs=none", timeout=5).version


def test_tls_on_a_plain_port(start_redis: StartRedis) -> None:
    """The scheme is named as the fault."""
    with pytest.raises(BrokerError, match="does not speak TLS"):
        ask(f"rediss://127.0.0.1:{start_redis()}/0", timeout=0.5)


def test_unknown_scheme_and_name() -> None:
    """What cannot be a broker is refused with the fix."""
    with pytest.raises(
        BrokerError, match=r"scheme 'http' is not one of redis, rediss, sentinel, amqp, amqps; fix the URL"
    ):
        ask("http://127.0.0.1/", timeout=5)
    with pytest.raises(BrokerError, match=r"host name broker\.invalid is unknown here"):
        ask("redis://broker.invalid:6379/0", timeout=5)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqps://app:hush@mq.example:5671/shop?x=y", "amqps://***@mq.example:5671/shop"),
        ("redis://:hu/sh#hu?sh@hub:6379/0", "redis://***@hub:6379/0"),  # not encoded, as it should be
        ("redis://hub:6379/0", "redis://hub:6379/0"),
    ],
)
def test_public_url_hides_login_and_query(url: str, shown: str) -> None:
    """The place stays."""
    assert public_url(url) == shown
