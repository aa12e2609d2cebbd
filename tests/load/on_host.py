"""The half of the load driver that runs on a host of the fleet, within the release's virtualenv.

The other half sends this file to `python -` over ssh, so it imports nothing but Celery and the standard
library. It prints one JSON document a line.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count as counting
from pathlib import Path
from typing import Any

from celery import chord
from celeryops_agent.fleet import app
from celeryops_agent.waiting import queue_depths

RETRY_SECONDS = 0.5


def signature(spec: Mapping[str, Any], task_id: str) -> Any:
    """The task of one entry of the mix, with its id and queue."""
    return app.signature(
        spec["task"], args=spec.get("args", []), kwargs=spec.get("kwargs", {}),
        task_id=task_id, queue=spec["queue"], immutable=spec.get("immutable", False),
    )  # fmt: skip


Sending = tuple[Any, dict[str, Mapping[str, Any]]]


def sendings(mix: Mapping[str, Any], run: str, chord_every: int) -> Iterator[Sending]:
    """What to send in turn, without end: a signature, and the entry of each id in it, a chord's body last.

    :param chord_every: how many single tasks go before each chord; 0 for no chords.
    """
    for number in counting():
        spec = mix["tasks"][number % len(mix["tasks"])]
        yield signature(spec, f"{run}-{number}"), {f"{run}-{number}": spec}
        if chord_every and (number + 1) % chord_every == 0:
            prefix = f"{run}-chord-{number}"
            header = {f"{prefix}-{index}": step for index, step in enumerate(mix["chord"]["header"])}
            steps = header | {f"{prefix}-body": mix["chord"]["body"]}
            signatures = [signature(step, task_id) for task_id, step in steps.items()]
            yield chord(signatures[:-1], signatures[-1]), steps


def persist(send: Callable[[], object]) -> int:
    """Call `send` until the broker takes it; return how often it was tried."""
    attempts = 1
    while True:
        try:
            send()
            return attempts
        except Exception as error:  # whatever the transport raises while its broker is away
            print(json.dumps({"problem": f"{type(error).__name__}: {error}"}), flush=True)
            attempts += 1
            time.sleep(RETRY_SECONDS)


def send(mix: Mapping[str, Any], run: str, count: int, chords: int, rate: float, until: Path | None) -> None:
    """Send `count` tasks and `chords` chords at `rate` sendings a second, or as fast as possible at 0.

    :param until: go on like this until this file is there.
    """
    # Celery's own retries would hide that a message may have been published twice.
    app.conf.task_publish_retry = False
    begin = time.monotonic()
    singles = 0
    for number, (task, steps) in enumerate(sendings(mix, run, chords and max(1, count // chords))):
        if singles >= count and len(steps) == 1 and (until is None or until.exists()):
            return
        if rate:
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
        now = time.time()
        attempts = persist(task.apply_async)
        for task_id, step in steps.items():
            ready = None if task_id.endswith("-body") else now
            entry = {"id": task_id, "queue": step["queue"], "ack": step.get("ack", "late")}
            print(json.dumps({**entry, "time": ready, "attempts": attempts}), flush=True)
        singles += len(steps) == 1


def leftover(mix: Mapping[str, Any]) -> None:
    """Print how many messages wait in the mix's queues, and how many a Redis has unacknowledged."""
    queues = {spec["queue"] for spec in [*mix["tasks"], *mix["chord"]["header"], mix["chord"]["body"]]}
    with app.connection_for_read() as connection:
        held = {"waiting": sum(queue_depths(connection, queues).values())}
        if connection.transport.driver_type == "redis":
            channel = connection.default_channel
            held["unacked"] = channel.client.hlen(channel.unacked_key)
        print(json.dumps(held))


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["send", "leftover"])
    parser.add_argument("--mix", required=True, type=json.loads)
    parser.add_argument("--run")
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--chords", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--until", type=Path)
    options = parser.parse_args()
    if options.what == "send":
        send(options.mix, options.run, options.count, options.chords, options.rate, options.until)
    else:
        leftover(options.mix)


if __name__ == "__main__":
    main()
