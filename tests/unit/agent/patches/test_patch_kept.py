# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Messages that a process keeps for a broker that is away, when the process ends."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from celeryops_agent.patches import kept as kept_patch
from kombu.connection import Connection
from kombu.exceptions import OperationalError


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """One message that is kept."""
    message = SimpleNamespace(headers={"task": "shop.mail.send", "id": "4711"})
    kept = {"one": message}
    monkeypatch.setattr(kept_patch, "kept", kept)
    return kept


def nobody_there(**_: Any) -> Any:
    raise OperationalError("nobody there")


def test_what_is_lost_is_told(kept: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    kept_patch.give_back_at_the_end(nobody_there)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "shop.mail.send[4711]" in record.getMessage()
    assert "nobody there" in record.getMessage()
    assert kept


def test_nothing_kept_asks_nobody(kept: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    kept.clear()
    kept_patch.give_back_at_the_end(nobody_there)
    assert caplog.records == []


def test_other_brokers_are_left_alone() -> None:
    with Connection("memory://") as connection:
        kept_patch.keep_unnoted(connection)
        assert not hasattr(connection.transport.Channel.QoS.append, "__wrapped__")
