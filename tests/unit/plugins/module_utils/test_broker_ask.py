# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a broker says of itself, and what is said when it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_ask import ask
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import (
    BrokerError,
)
from unit.plugins.module_utils.amqp_frames import LET_IN, LOGGED_IN, TUNE, amqp_close, amqp_frame, amqp_start

StartRedis = Callable[..., int]
StartServer = Callable[[bytes], int]
PASSWORD = "pl@nted/päss:word"


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


def test_something_else_answers(start_server: StartServer) -> None:
    """A web server on that port is not taken for a broker."""
    page = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with pytest.raises(BrokerError, match="not Redis; fix the address or port"):
        ask(f"redis://127.0.0.1:{start_server(page)}/0", timeout=5)
    with pytest.raises(BrokerError, match="does not speak AMQP"):
        ask(f"amqp://127.0.0.1:{start_server(page)}//", timeout=5)


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
