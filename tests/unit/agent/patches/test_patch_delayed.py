# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Delayed delivery in a cluster, over stand-ins of the broker; molecule/broker_rabbitmq meets a real one."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import celeryops_agent.patches.delayed as patch
import pytest
from celery import Celery
from celery.worker.consumer.delayed_delivery import DelayedDelivery


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was connected to."""
    connections: list[Any] = []

    @contextmanager
    def connect(_connect: Any) -> Any:
        connections.append(Mock())
        yield connections[-1]

    monkeypatch.setattr(patch, "bounded_connection", connect)
    monkeypatch.setattr(DelayedDelivery, "_setup_delayed_delivery", DelayedDelivery._setup_delayed_delivery)
    monkeypatch.setattr(DelayedDelivery, "_bind_queues", Mock())
    patch.set_up_once()
    return connections


def test_a_cluster_is_set_up_once_for_each_connection(opened: list[Any]) -> None:
    """Its nodes share what is declared; after a reconnect a queue may be new."""
    app = Celery("shop", broker="amqp://a//;amqp://b//;amqp://c//", set_as_current=False)
    consumer: Any = SimpleNamespace(app=app, connection=object())
    step = DelayedDelivery(consumer)
    step.start(consumer)
    assert len(opened) == 1
    assert opened[0].channel.called
    consumer.connection = object()
    step.start(consumer)
    assert len(opened) == 2
