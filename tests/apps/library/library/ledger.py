"""Which task started and ended where and when, written down outside the broker and the result backend.

One file per worker instance, one JSON line per event, appended with a single write: processes and threads of
the instance share the file without a lock, and a worker that is killed loses nothing that it wrote.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOST = socket.gethostname()
INSTANCE = os.environ.get("CELERYOPS_INSTANCE", "worker")
DIRECTORY = Path(os.environ.get("STATE_DIRECTORY", ".")) / "ledger"


def write(event: str, task_id: str, name: str) -> None:
    """Append one event (start, end or fail) of the task `task_id`."""
    line = json.dumps(
        {"event": event, "id": task_id, "task": name, "time": time.time(), "host": HOST, "instance": INSTANCE}
    )
    DIRECTORY.mkdir(mode=0o750, exist_ok=True)
    descriptor = os.open(DIRECTORY / f"{INSTANCE}.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


@contextmanager
def recorded(task_id: str, name: str) -> Iterator[None]:
    """Record the start of a run, and its end or failure."""
    write("start", task_id, name)
    try:
        yield
    except BaseException:
        write("fail", task_id, name)
        raise
    write("end", task_id, name)
