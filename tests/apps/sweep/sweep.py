"""Tasks that compute and wait for known times, and write down when they ended: for the sweep benchmark."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

from celery import Celery

ENDS = Path(os.environ.get("STATE_DIRECTORY", ".")) / f"{os.environ.get('CELERYOPS_INSTANCE', 'worker')}.ends"
STEPS = 4

app = Celery("sweep")


@app.task
def work(number: int, compute: float, wait: float) -> None:
    """Compute and wait in turn, for so many seconds in all on average.

    The length of each task varies by up to a half, in the same way for the same number.
    """
    length = random.Random(number).uniform(0.5, 1.5) / STEPS
    for _step in range(STEPS):
        end = time.thread_time() + compute * length
        while time.thread_time() < end:
            pass
        if wait:
            time.sleep(wait * length)
    descriptor = os.open(ENDS, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(descriptor, f"{time.time():.6f}\n".encode())
    finally:
        os.close(descriptor)
