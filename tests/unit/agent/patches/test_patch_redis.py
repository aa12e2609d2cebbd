# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The replies that a broken connection to Redis still waits for, over stand-ins of kombu's channel."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from celeryops_agent.patches.redis import REPLY_TIMEOUT, settle_pending_reads
from kombu.transport.redis import Channel
from kombu.transport.virtual import Message


def channel(reply: object) -> Any:
    """A channel whose BRPOP is answered so, or not, when the reply is an exception."""
    answer = {"side_effect": reply} if isinstance(reply, Exception) else {"return_value": reply}
    return SimpleNamespace(
        _in_poll=Mock(),
        client=SimpleNamespace(connection="the connection", parse_response=Mock(**answer)),
        Message=Message,
        decode_body=lambda body, _encoding: body,
        sep=Channel.sep,
    )


def connection(*channels: Any, driver: str = "redis") -> Any:
    """A kombu connection with these channels."""
    return SimpleNamespace(transport=SimpleNamespace(driver_type=driver, channels=list(channels)))


def test_another_broker_is_left_alone() -> None:
    waiting = channel(None)
    settle_pending_reads(connection(waiting, driver="amqp"))
    assert waiting._in_poll is not None
    waiting.client.parse_response.assert_not_called()


@pytest.mark.parametrize("key", [b"mail", b"mail\x06\x163"], ids=["plain", "of a priority"])
def test_a_message_is_kept_for_the_queue_it_came_from(key: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, Any] = {}
    monkeypatch.setattr("celeryops_agent.patches.kept.kept", kept)
    waiting = channel((key, json.dumps({"properties": {"delivery_tag": "one"}}).encode()))
    sock = waiting._in_poll._sock
    settle_pending_reads(connection(waiting))
    sock.settimeout.assert_called_once_with(REPLY_TIMEOUT)
    waiting.client.parse_response.assert_called_once_with("the connection", "BRPOP")
    assert kept["one"].delivery_info == {"exchange": "", "routing_key": "mail"}
    assert waiting._in_poll is None


@pytest.mark.parametrize("reply", [None, ConnectionError("gone"), TimeoutError("silent")])
def test_no_message_came(reply: object, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, Any] = {}
    monkeypatch.setattr("celeryops_agent.patches.kept.kept", kept)
    waiting = channel(reply)
    settle_pending_reads(connection(waiting))
    assert kept == {}
    assert waiting._in_poll is None


def test_a_channel_that_does_not_wait() -> None:
    idle = channel(None)
    idle._in_poll = None
    settle_pending_reads(connection(idle))
    idle.client.parse_response.assert_not_called()


def test_no_connection() -> None:
    settle_pending_reads(None)
