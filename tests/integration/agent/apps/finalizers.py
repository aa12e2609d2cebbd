# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The app with a slow finalizer in each sending; that of Celery's results is fast, and swallows as much."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from celery.app.utils import find_app
from celery.signals import before_task_publish

app = find_app("parcels:application")


class Slow:
    """What is finalized at once, which takes a while."""

    def __del__(self) -> None:
        (Path(os.environ["MARKS"]) / "finalizing").write_text("one", encoding="utf-8")
        time.sleep(1)


@before_task_publish.connect(weak=False)
def leave_one(**_kwargs: Any) -> None:
    """Leave one behind."""
    Slow()
