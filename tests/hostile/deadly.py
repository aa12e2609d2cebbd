# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A task that kills the process that runs it, each time, between good ones through a worker of each pool."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path

from eventually import wait_until
from integration.agent.harness import Redis, Service, Stage

from hostile.brokers import Broker
from hostile.proof import SLOTS

#: Good ones that are in the queue while the other one comes and goes.
AHEAD = 5
#: Deliveries that broker_rabbitmq_delivery_limit allows: the first, and 20 more.
OF_THE_BROKER = 21


@dataclass(frozen=True)
class Deadly:
    """What became of a task that kills its process, and of those beside it.

    :param gap: the longest time in seconds in which no good one was done.
    """

    deliveries: int
    started: int
    kept: int
    good: int
    done: int
    twice: int
    restarts: int
    left: int
    gap: float
    seconds: float

    @property
    def is_well(self) -> bool:
        """Whether it was given up after its deliveries, every good one was done, and they never stopped.

        One that was done, and not yet acknowledged when the process died, may be there again.
        """
        bounded = 1 <= self.started <= self.deliveries and self.kept == 1
        flowing = self.good > AHEAD + self.deliveries
        return bounded and flowing and self.done == self.good


def run(broker: Broker, pool: str, limit: int, directory: Path) -> Deadly:
    """Send such a task and good ones beside it until it is a dead letter; a worker that ends starts again.

    :param broker: that runs, with nothing in the queue of the pool's name.
    :param limit: deliveries at most, as the worker is told; 0 leaves it to the broker.
    """
    queue = f"deadly-{pool}"
    stage = Stage(directory, Redis(directory))
    stage.settings = {**stage.settings, **broker.settings}

    def start() -> Service:
        return stage.celery(
            "worker", f"--pool={pool}", f"--concurrency={SLOTS[pool]}", f"--queues={queue}",
            "--loglevel=INFO", f"--hostname={pool}@deadly", CELERY_BROKER_URL=broker.url,
            CELERYOPS_MAX_DELIVERIES=str(limit),
        )  # fmt: skip

    worker = start()
    try:
        wait_until("it is ready", worker.is_ready)
        kept_before = broker.kept()
        broker.put(queue, broker.good("parcels.die", "deadly", queue))
        began = last = time.monotonic()
        sent = done = 0
        gap = 0.0
        restarts = 0

        def one_more() -> bool:
            """Keep good ones coming, and look whether the other one is kept."""
            nonlocal worker, sent, done, last, gap, restarts
            if not worker.runs:
                worker, restarts = start(), restarts + 1
            now, ended = time.monotonic(), len(set(stage.marks("done")))
            if ended > done:
                gap, done, last = max(gap, now - last), ended, now
            while sent < ended + AHEAD:
                broker.put(queue, broker.good("parcels.send", f"good-{sent}", queue))
                sent += 1
            return broker.kept() > kept_before

        wait_until("it is kept", one_more, bound=600)
        wait_until("the good ones are done", lambda: len(set(stage.marks("done"))) == sent)
        seconds = time.monotonic() - began
        worker.signal(signal.SIGTERM)
        assert worker.ended() == 0
        names = stage.marks("done")
        return Deadly(
            deliveries=limit or OF_THE_BROKER,
            started=stage.marks("started").count("deadly"),
            kept=broker.kept() - kept_before,
            good=sent,
            done=len(set(names)),
            twice=len(names) - len(set(names)),
            restarts=restarts,
            left=broker.left(queue),
            gap=round(max(gap, time.monotonic() - last if done < sent else 0.0), 1),
            seconds=round(seconds, 1),
        )
    finally:
        worker.kill()
