# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A worker under the agent, with every pool."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from integration.agent.harness import Stage, wait_until

POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")


@pytest.mark.parametrize("pool", POOLS)
def test_ready_then_drained(stage: Stage, send: Callable[..., None], pool: str) -> None:
    worker = stage.worker(pool, watchdog=4)
    systemd = worker.manager
    assert systemd is not None
    wait_until("it is ready", lambda: systemd.count("READY") == 1)
    wait_until("it is petted", lambda: systemd.count("WATCHDOG") > 1)
    assert systemd.status == "consuming parcels, 0 active"

    send("send", "slow", 3)
    wait_until("the task runs", lambda: stage.marks("started") == ["slow"])
    wait_until("the status counts it", lambda: systemd.status == "consuming parcels, 1 active")
    worker.signal(signal.SIGTERM)
    wait_until("the stop is told", lambda: systemd.count("STOPPING") == 1)
    wait_until("the status tells what is left", lambda: systemd.status == "draining, 1 task left")
    assert worker.ended() == 0
    assert stage.marks("done") == ["slow"]
    assert systemd.extensions
    assert systemd.count("READY") == 1
