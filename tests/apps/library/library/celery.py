"""The app, `celery -A library.celery:library`."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task

from library.ledger import recorded

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "library.settings")


class RecordedTask(Task):
    """A task whose every run is written to the ledger."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task between two lines of the ledger."""
        with recorded(str(self.request.id), str(self.name)):
            return self.run(*args, **kwargs)


library = Celery("library", task_cls=RecordedTask)
library.config_from_object("django.conf:settings", namespace="CELERY")
library.autodiscover_tasks()
