# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes one JSON line per task and host, for tests that compare runs and benchmarks that time them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: record
type: aggregate
short_description: One JSON line per task and host
description:
  - Writes host, play, task, outcome, changed paths and seconds of each result to the file named by
    E(CELERYOPS_RECORD). Without it nothing is written.
requirements:
  - enable in configuration
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "record"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        path = os.environ.get("CELERYOPS_RECORD", "")
        self._path = Path(path) if path else None
        if self._path:
            self._path.write_text("", encoding="utf-8")
        self._play = ""
        self._started: dict[tuple[str, str], float] = {}

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._play = play.get_name().strip()

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        self._started[(host.get_name(), task._uuid)] = time.monotonic()

    def _write(self, outcome: str, result: Any) -> None:
        if self._path is None:
            return
        values = result.result
        host = result.host.get_name()
        started = self._started.pop((host, result.task._uuid), time.monotonic())
        line = {
            "host": host,
            "play": self._play,
            "task": result.task.get_name().strip(),
            "outcome": "changed" if outcome == "ok" and values.get("changed") else outcome,
            "changed_paths": sorted(values.get("changed_paths", [])),
            "restarted": sorted(values.get("restarted", [])),
            "seconds": round(time.monotonic() - started, 3),
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write("failed", result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        self._write("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write("unreachable", result)
