"""Memory-hungry work."""

from __future__ import annotations

from shop.celery import shop

ROW = 1024


@shop.task
def sales(megabytes: int = 20) -> int:
    """Hold `megabytes` of rows at once, as a report over a whole table does; return how many rows."""
    rows = [index.to_bytes(ROW, "big") for index in range(megabytes * 1024 * 1024 // ROW)]
    rows.sort(reverse=True)
    return len(rows)


@shop.task
def rollup() -> int:
    """Sum up the day; beat sends it every night."""
    return sum(range(100_000))
