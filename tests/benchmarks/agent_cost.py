# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the agent costs: throughput of trivial tasks with it over without it.

    python -m benchmarks.agent_cost [--pool prefork] [--tasks 500] [--rounds 80]

Both workers run for the whole time and take the same messages in turn, first one, then the other, in the
order turned round each round. The figure is the median of the rounds' ratios; the goal is at least 0.98.
Beside it stands the ratio of the processor time that all processes of each worker used: on a machine that
does other things too it is the steadier one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis
from celery import Celery
from eventually import wait_until
from integration.agent.harness import Redis, Service, Stage

GOAL = 0.98


def fill(client: redis.Redis, url: str, tasks: int) -> None:
    """Lay down the messages that every run takes a copy of."""
    with Celery(broker=url, set_as_current=False) as app, app.producer_pool.acquire() as producer:
        for _turn in range(tasks):
            app.send_task("parcels.nothing", queue="template", producer=producer)
    assert client.llen("template") == tasks


def seconds(client: redis.Redis, queue: str) -> float:
    """How long the queue's worker takes for the messages, acknowledgements included."""
    client.copy("template", queue)
    start = time.monotonic()
    while client.llen(queue) or client.hlen("unacked"):
        time.sleep(0.005)
    return time.monotonic() - start


def processor_ticks(service: Service) -> int:
    """Clock ticks of processor time that a worker's processes used so far: proc(5), utime and stime."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == service.process.pid:  # its session
                ticks += int(fields[11]) + int(fields[12])
    return ticks


def start(stage: Stage, pool: str, name: str, target: str) -> Service:
    """A worker that serves the queue of its name."""
    worker = stage.worker(
        pool, f"--queues={name}", f"--hostname={name}@bench", "--loglevel=WARNING", target=target
    )
    app = Celery(broker=stage.redis.url, set_as_current=False)
    wait_until(f"{name} works", lambda: bool(app.control.ping([f"{name}@bench"], limit=1)))
    return worker


def measure(stage: Stage, pool: str, tasks: int, rounds: int) -> dict[str, Any]:
    """With over without: the throughput of each round, and the processor time of all together."""
    targets = {"with": "celeryops_agent.fleet", "without": "unwatched"}
    workers = {name: start(stage, pool, name, target) for name, target in targets.items()}
    used = dict.fromkeys(targets, 0)
    ratios = []
    with redis.Redis(port=stage.redis.port) as client:
        fill(client, stage.redis.url, tasks)
        for name in targets:
            seconds(client, name)  # both have forked, imported and warmed up
        for number in range(rounds):
            took = {}
            for name in ("with", "without") if number % 2 else ("without", "with"):
                before = processor_ticks(workers[name])
                took[name] = seconds(client, name)
                used[name] += processor_ticks(workers[name]) - before
            ratios.append(took["without"] / took["with"])
            rates = ", ".join(f"{name} {tasks / took[name]:.0f}/s" for name in sorted(took))
            print(f"  round {number + 1}: {rates}, ratio {ratios[-1]:.3f}", file=sys.stderr, flush=True)
    return {
        "ratio": round(statistics.median(ratios), 3),
        "quartiles": [round(quartile, 3) for quartile in statistics.quantiles(ratios)[::2]],
        "processor": round(used["without"] / used["with"], 3),
    }


def main() -> int:
    """Print the figures as one JSON document; 1 when they miss the goal."""
    parser = argparse.ArgumentParser(description="What the agent costs.")
    parser.add_argument("--pool", default="prefork")
    parser.add_argument("--tasks", type=int, default=500, help="messages of one run")
    parser.add_argument("--rounds", type=int, default=80)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        stage = Stage(Path(directory), Redis(Path(directory)))
        stage.redis.start()
        try:
            figures = measure(stage, options.pool, options.tasks, options.rounds)
        finally:
            for service in stage.services:
                service.kill()
            stage.redis.stop()
    print(json.dumps({"pool": options.pool, "goal": GOAL, **figures}))
    return 0 if figures["ratio"] >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
