"""The library's tasks. They need Django set up: templates, mail and time zones."""

from __future__ import annotations

import hashlib
import time
from datetime import timedelta

from celery import shared_task
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import timezone


@shared_task
def remind(reader: str, title: str = "A Dictionary of Systems", seconds: float = 0.2) -> str:
    """Write to `reader`; the mail server takes `seconds` to answer."""
    due = timezone.now() - timedelta(days=1)
    text: str = render_to_string("lending/reminder.txt", {"reader": reader, "title": title, "due": due})
    time.sleep(seconds)
    send_mail(title, text, "library@example.org", [f"{reader}@example.org"])
    return text


@shared_task
def reindex(shelf: int, rounds: int = 20_000) -> str:
    """Compute the checksum of a shelf."""
    return hashlib.pbkdf2_hmac("sha256", str(shelf).encode(), b"library", rounds).hex()


@shared_task(acks_late=False)
def greet(reader: str, seconds: float = 0.1) -> str:
    """Wish `reader` a happy birthday, never twice; the mail server takes `seconds` to answer."""
    time.sleep(seconds)
    return f"greeted {reader}"


@shared_task(acks_late=False)
def count_shelf(shelf: int) -> int:
    """Count the books of a shelf."""
    return sum(range(shelf * 1000))


@shared_task(acks_late=False)
def open_day() -> None:
    """Tell the town that the library is open."""


@shared_task
def close_day(done: list[str] | None = None) -> int:
    """Count what was done; a chord's last step, and what beat sends."""
    return len(done or [])
