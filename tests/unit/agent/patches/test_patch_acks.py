# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Acknowledgements that a process still owes when it ends."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from celeryops_agent.patches import acks
from kombu.connection import Connection
from kombu.exceptions import OperationalError


def nobody_there(**_: Any) -> Any:
    raise OperationalError("nobody there")


def test_what_comes_back_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(acks, "owed", {"4711"})
    acks.send_owed_at_the_end(nobody_there)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "4711 comes back" in record.getMessage()
    assert "nobody there" in record.getMessage()


def test_nothing_owed_asks_nobody(caplog: pytest.LogCaptureFixture) -> None:
    acks.send_owed_at_the_end(nobody_there)
    assert caplog.records == []


def test_other_brokers_are_left_alone() -> None:
    with Connection("memory://") as connection:
        acks.owe_failed(connection)
        assert not hasattr(connection.transport.Channel.QoS.ack, "__wrapped__")
