# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Malformed messages between good ones through a worker of each pool: what became of both."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from eventually import wait_until
from integration.agent.harness import Redis, Stage

from hostile.brokers import Broker, Ready

#: Tasks at once; a pool of greenlets is for more.
SLOTS = {"prefork": 2, "solo": 1, "threads": 10, "gevent": 200, "eventlet": 200}

NAMED = "becomes a dead letter"


@dataclass(frozen=True)
class Outcome:
    """What became of the messages that were sent through one worker."""

    good: int
    bad: int
    kinds: int
    once: int
    twice: int
    named: int
    kept: int
    left: int
    restarted: bool
    seconds: float

    @property
    def is_well(self) -> bool:
        """Whether each good one was done once, each bad one is named and kept, and no process ended."""
        good, bad = self.once == self.good, self.named == self.kept == self.bad
        return good and bad and not (self.twice or self.left or self.restarted)


def run(broker: Broker, pool: str, good: int, bad: int, seed: int, directory: Path) -> Outcome:
    """Send good and malformed messages in a random order to a worker, and look when all are gone.

    :param broker: that runs, with nothing in the queue of the pool's name.
    :param good: messages that are to be done.
    :param bad: malformed ones; all kinds in turn.
    :param seed: of the order.
    :param directory: for the worker's files.
    """
    shuffle = random.Random(seed)
    queue = f"hostile-{pool}"
    kinds = broker.malformed("parcels.send", "malformed", queue)
    messages: list[Ready] = [
        broker.good("parcels.send", f"good-{n}", queue, protocol=1 + n % 2) for n in range(good)
    ]
    messages += islice(cycle(kinds.values()), bad)
    shuffle.shuffle(messages)
    stage = Stage(directory, Redis(directory))
    stage.settings = {**stage.settings, **broker.settings}
    worker = stage.celery(
        "worker", f"--pool={pool}", f"--concurrency={SLOTS[pool]}", f"--queues={queue}", "--loglevel=INFO",
        f"--hostname={pool}@hostile", CELERY_BROKER_URL=broker.url,
    )  # fmt: skip
    try:
        wait_until("it is ready", worker.is_ready)
        kept_before, began = broker.kept(), time.monotonic()
        for message in messages:
            broker.put(queue, message)
        wait_until("the good ones are done", lambda: stage.has_marks("done", good), bound=600)
        wait_until("the others are kept", lambda: broker.kept() - kept_before >= bad, bound=600)
        seconds = time.monotonic() - began
        restarted = not worker.runs or worker.systemd.count("READY") != 1
        worker.signal(signal.SIGTERM)  # what it has not acknowledged goes back
        assert worker.ended() == 0
        done = stage.marks("done")
        return Outcome(
            good=good,
            bad=bad,
            kinds=min(bad, len(kinds)),
            once=len(set(done) - {"malformed"}),
            twice=len(done) - len(set(done)),
            named=worker.log.read_text(errors="replace").count(NAMED),
            kept=broker.kept() - kept_before,
            left=broker.left(queue),
            restarted=restarted,
            seconds=round(seconds, 1),
        )
    finally:
        worker.kill()


@contextmanager
def own_redis(directory: Path) -> Iterator[str]:
    """The URL of a Redis that runs until the block ends."""
    server = Redis(directory)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
