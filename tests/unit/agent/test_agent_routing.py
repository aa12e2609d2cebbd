# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is told of an app's queues is where Celery sends."""

from __future__ import annotations

import re
from typing import Any

import pytest
from celery import Celery
from celeryops_agent.routing import sent_to
from kombu import Queue  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("settings", "options", "queue"),
    [
        ({}, {}, "celery"),
        ({"task_default_queue": "default"}, {}, "default"),
        ({"task_routes": {"shop.ship": "x"}}, {}, "x"),
        ({"task_routes": {"shop.*": {"queue": "x"}}}, {}, "x"),
        ({"task_routes": [[(re.compile("shop"), {"queue": "x"})]]}, {}, "x"),
        ({"task_routes": [{"other": "x"}, {"shop.*": Queue("y").name}]}, {}, "y"),
        ({"task_routes": {"shop.*": {"priority": 3}, "*": "y"}}, {}, "celery"),
        ({"task_routes": {"shop.*": "x"}}, {"queue": "own"}, "own"),
        ({"task_routes": {"shop.*": {"queue": Queue("y")}}}, {}, "y"),
    ],
)
def test_it_is_where_celery_sends(settings: dict[str, Any], options: dict[str, Any], queue: str) -> None:
    with Celery("shop", broker="memory://", set_as_current=False) as app:
        app.conf.update(settings)

        @app.task(name="shop.ship", shared=False, **options)  # type: ignore[untyped-decorator]
        def ship() -> None:
            """Do nothing."""

        app.finalize()
        assert list(sent_to(app, None)) == [queue]
        with app.connection_for_write() as connection:
            ship.apply_async(connection=connection)
            assert connection.default_channel.queue_purge(queue) == 1
