# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Puts the agent into the process that the celery command is about to become."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

from celery import signals
from celery.apps.beat import Beat as BeatProgram

from celeryops_agent.beat import watched_service
from celeryops_agent.deliveries import DELIVERIES
from celeryops_agent.notify import Notifier
from celeryops_agent.reliable import install_reliable_redis
from celeryops_agent.reporter import Reporter
from celeryops_agent.settings import lay_over, not_said, refuse_others
from celeryops_agent.worker import Worker


def install(app: Any, settings: Mapping[str, Any], environ: Mapping[str, str]) -> None:
    """Watch what this app is started as: a worker or beat. Other commands go on as ever.

    :param settings: those of the inventory, which the app has by now.
    :param environ: NOTIFY_SOCKET and WATCHDOG_USEC of systemd; CELERYOPS_STOP_CEILING: the longest stop
        in seconds, 0 for no bound; CELERYOPS_STOP_PROFILE: ``drain``, or ``bounded``, where tasks that
        still run at the ceiling go back to their queue; CELERYOPS_RELIABLE_REDIS: ``1`` to take from
        Redis so that a message cannot get lost on the way; CELERYOPS_MAX_DELIVERIES: of one message.
    """
    ceiling = float(environ.get("CELERYOPS_STOP_CEILING") or 0)
    if environ.get("CELERYOPS_STOP_PROFILE") == "bounded":
        lay_over(app.conf, {"worker_soft_shutdown_timeout": ceiling})
    notifier = Notifier(environ)

    def watch_worker(sender: Any, **_: Any) -> None:
        refuse_others(app.conf, not_said(settings, sys.argv))
        if environ.get("CELERYOPS_RELIABLE_REDIS") == "1":
            install_reliable_redis(app)
        worker = Worker(sender, int(environ.get("CELERYOPS_MAX_DELIVERIES") or DELIVERIES))
        worker.install()
        Reporter(notifier, worker, ceiling or math.inf).start()

    signals.worker_init.connect(watch_worker, weak=False)
    BeatProgram.Service = watched_service(notifier, settings, environ)
