"""A task that notes when it ran and who sent it: what beat did, as a worker saw it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from celery import Celery

TICKS = Path("/var/lib/celery/ticks")

app = Celery("ticker")


@app.task(bind=True, ignore_result=True)
def tick(self: Any) -> None:
    """Add a line to TICKS: the time, the process that sent it, and its id."""
    with TICKS.open("a", encoding="utf-8") as file:
        file.write(f"{time.time():.3f} {self.request.origin} {self.request.id}\n")
