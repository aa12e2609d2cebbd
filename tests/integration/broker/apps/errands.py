# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app that uses all that Celery does with a broker and a result backend."""

from __future__ import annotations

import time

from celery import Celery, Task

application = Celery("errands")


@application.task
def add(left: int, right: int) -> int:
    """Return the sum."""
    return left + right


@application.task
def total(numbers: list[int]) -> int:
    """Return the sum of a chord's steps."""
    return sum(numbers)


@application.task
def nap(seconds: float) -> None:
    """Sleep."""
    time.sleep(seconds)


@application.task(bind=True, max_retries=1)
def fail_once(self: Task) -> str:
    """Fail at the first try."""
    if not self.request.retries:
        raise self.retry(countdown=0.1)
    return "well"
