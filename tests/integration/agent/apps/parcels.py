# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Celery app that is not called app, whose tasks leave marks in files."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from celery import Celery
from celery.worker.control import control_command

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
def wait_for(event: str) -> None:
    """Take until somebody leaves this mark."""
    mark("started", event)
    while not (Path(os.environ["MARKS"]) / event).exists():
        time.sleep(0.05)
    mark("done", event)


@application.task
def die(name: str) -> None:
    """End the process that runs this, each time."""
    mark("started", name)
    os.kill(os.getpid(), signal.SIGKILL)


@application.task
def nothing() -> None:
    """Cost what Celery costs."""


@application.task
def weigh(name: str, seconds: float) -> None:
    """Take so many seconds of the processor and let nobody in between."""
    mark("started", name)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass
    mark("done", name)


@control_command()
def spin(state: Any) -> None:
    """Fault: the worker's event loop never turns again."""
    while True:
        pass


@control_command()
def lose_consumer(state: Any) -> None:
    """Fault: the worker stays connected and answers, but no longer consumes."""
    state.consumer.task_consumer.cancel()


@control_command()
def leak_credit(state: Any) -> None:
    """Fault: the worker believes for ever that it has no room for another message."""
    state.consumer.task_consumer.channel.qos.can_consume = lambda: False
