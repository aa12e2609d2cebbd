# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An event that no broker takes does not hold up a stop."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from celery import Celery
from celery.events.dispatcher import EventDispatcher
from celeryops_agent.patches.events import give_up_soon


@pytest.fixture
def nobody() -> Iterator[str]:
    """The URL of a Redis that refuses every connection."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # it does not listen
        yield f"redis://127.0.0.1:{taken.getsockname()[1]}/0"


def test_a_heartbeat_is_not_tried_for_ever(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EventDispatcher, "_publish", EventDispatcher._publish)
    give_up_soon()
    with Celery(broker=nobody, set_as_current=False) as app:
        dispatcher = EventDispatcher(app.connection_for_write(), app=app, enabled=False)
        dispatcher.enabled, dispatcher.producer = True, app.amqp.Producer(dispatcher.connection)
        sending = threading.Thread(
            target=dispatcher.send, args=("worker-heartbeat",), kwargs={"retry": True}, daemon=True
        )
        sending.start()
        sending.join(60)
        assert not sending.is_alive()
        ((event, key),) = dispatcher._outbound_buffer
        assert (event["type"], key) == ("worker-heartbeat", "worker.heartbeat")
        dispatcher.close()


def test_once_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EventDispatcher, "_publish", EventDispatcher._publish)
    give_up_soon()
    patched = EventDispatcher._publish
    give_up_soon()
    assert EventDispatcher._publish is patched
