"""Memory-hungry work."""

from __future__ import annotations

import os
from typing import Any

from shop.celery import shop

ROW = 1024
_remembered: list[bytes] = []


@shop.task
def sales(megabytes: int = 20) -> int:
    """Hold `megabytes` of rows at once, as a report over a whole table does; return how many rows."""
    rows = [index.to_bytes(ROW, "big") for index in range(megabytes * 1024 * 1024 // ROW)]
    rows.sort(reverse=True)
    return len(rows)


@shop.task(acks_late=False)
def rollup() -> int:
    """Sum up the day; beat sends it every night."""
    return sum(range(100_000))


@shop.task
def remember(megabytes: int) -> int:
    """Keep `megabytes` for ever, as a cache without a bound does; return how many chunks are kept."""
    _remembered.append(os.urandom(1024) * 1024 * megabytes)
    return len(_remembered)


@shop.task(bind=True)
def rebuild(self: Any) -> int:
    """Take all the memory that there is, unless that has been tried before."""
    rows: list[bytes] = []
    while not self.request.delivery_info["redelivered"]:
        rows.append(os.urandom(1024) * 1024)
    return len(rows)
