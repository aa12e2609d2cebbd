"""I/O work: all of its time is spent waiting for another machine."""

from __future__ import annotations

import time

from shop.celery import shop


@shop.task
def send(recipient: str, seconds: float = 0.2) -> str:
    """Send a mail to a server that takes `seconds` to answer.

    The wait is a sleep: like a socket, it leaves the core to other threads and greenlets.
    """
    time.sleep(seconds)
    return f"sent to {recipient}"


@shop.task(acks_late=False)
def webhook(order: int, seconds: float = 0.1) -> str:
    """Tell a partner about `order`, never twice; the partner takes `seconds` to answer."""
    time.sleep(seconds)
    return f"told about {order}"
