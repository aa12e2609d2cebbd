"""The app, `celery -A shop.celery:shop`. It names no broker and no limit: those belong to the fleet."""

from __future__ import annotations

from typing import Any

from celery import Celery, Task
from celery.schedules import crontab

from shop.ledger import recorded


class RecordedTask(Task):
    """A task whose every run is written to the ledger."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task between two lines of the ledger."""
        with recorded(str(self.request.id), str(self.name)):
            return self.run(*args, **kwargs)


shop = Celery(
    "shop",
    task_cls=RecordedTask,
    include=["shop.images", "shop.mail", "shop.orders", "shop.reports"],
)
shop.conf.update(
    task_default_queue="default",
    task_routes={
        "shop.images.*": {"queue": "images"},
        "shop.mail.*": {"queue": "mail"},
        "shop.reports.*": {"queue": "reports"},
    },
    beat_schedule={
        "heartbeat": {"task": "shop.orders.heartbeat", "schedule": 10.0},
        "rollup": {"task": "shop.reports.rollup", "schedule": crontab(hour="3", minute="30")},
    },
)
