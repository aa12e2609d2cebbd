# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Celery app that is not called app, whose tasks leave marks in files."""

from __future__ import annotations

import os
import time
from pathlib import Path

from celery import Celery

application = Celery("parcels", backend=None)
application.conf.task_ignore_result = True


def mark(event: str, name: str) -> None:
    """Note an event outside the result backend."""
    with (Path(os.environ["MARKS"]) / event).open("a", encoding="utf-8") as out:
        out.write(f"{name}\n")


@application.task
def send(name: str, seconds: float = 0.0) -> None:
    """Take so many seconds without using the processor."""
    mark("started", name)
    time.sleep(seconds)
    mark("done", name)


@application.task
def weigh(name: str, seconds: float) -> None:
    """Take so many seconds of the processor and let nobody in between."""
    mark("started", name)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    mark("done", name)
