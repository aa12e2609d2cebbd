"""An app that talks: every line that a task logs has a number, so that a missing one can be named.

`python -m chatter RUN` sends the tasks, waits for their end and prints how many lines they wrote.
"""

from __future__ import annotations

import logging
import os
import sys
import time

from celery import Celery, group
from celery.utils.log import get_task_logger

SPEAKERS = 60
LINES = 200
PAUSE = 0.01

app = Celery("chatter")
task_logger = get_task_logger(__name__)


@app.task
def speak(run: str, speaker: int) -> int:
    """Log numbered lines in the three ways a task may: the task's logger, any logger, print."""
    for line in range(LINES):
        words = f"spoken {run}.{speaker}.{line} by {os.getpid()}"
        task_logger.info("%s to the task's logger", words)
        logging.getLogger("chatter.other").info("%s to another logger", words)
        print(f"{words} to print")
        time.sleep(PAUSE)
    return 3 * LINES


if __name__ == "__main__":
    tasks = group(speak.s(sys.argv[1], speaker) for speaker in range(SPEAKERS))
    print(sum(tasks().get(timeout=600)))
