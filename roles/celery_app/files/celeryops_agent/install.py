# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Puts the agent into the process that the celery command is about to become."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from celery import signals

from celeryops_agent.notify import Notifier
from celeryops_agent.reporter import Reporter
from celeryops_agent.worker import Worker


def install(app: Any, environ: Mapping[str, str]) -> None:
    """Watch whatever this app is started as: a worker or beat; other commands are left alone.

    :param environ: NOTIFY_SOCKET and WATCHDOG_USEC of systemd, and CELERYOPS_STOP_CEILING: the longest
        drain in seconds, 0 for no bound.
    """
    ceiling = float(environ.get("CELERYOPS_STOP_CEILING") or 0) or math.inf

    def watch_worker(sender: Any, **_: Any) -> None:
        worker = Worker(sender)
        worker.install()
        Reporter(Notifier(environ), worker, ceiling).start()

    signals.worker_init.connect(watch_worker, weak=False)
