# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Malformed messages between good ones, through each pool: what `make proof-hostile` runs.

    python -m hostile --good 2000 --bad 200                     a Redis of its own
    python -m hostile --broker amqp://celery:...@host/celery    a RabbitMQ of the role broker

Then, on RabbitMQ, a task that kills the process that runs it, each time, between good ones.
Prints a line for each pool and kind; the exit status is 1 unless each good message was done once, each
malformed one is named in the log and kept as a dead letter, and no process ended.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from integration.agent.harness import POOLS

from hostile import deadly
from hostile.brokers import OnRabbit, OnRedis
from hostile.proof import own_redis, run


def main() -> int:
    """Run it; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="hostile", description="Malformed messages between good ones.")
    parser.add_argument("--broker", default="", help="URL; a Redis of its own")
    parser.add_argument("--pools", nargs="+", choices=POOLS, default=POOLS)
    parser.add_argument("--good", type=int, default=2000)
    parser.add_argument("--bad", type=int, default=200)
    parser.add_argument("--deliveries", type=int, default=20, help="of a task that kills; 0: the broker's")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    well = True

    def tell(url: str, what: str, is_well: bool, outcome: object) -> None:
        nonlocal well
        well = well and is_well
        print(f"{url.partition(':')[0]} {what}: {'well' if is_well else 'BROKEN'}: {outcome}", flush=True)

    for pool in options.pools:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hostile-")))
            url = options.broker or stack.enter_context(own_redis(directory))
            broker = OnRabbit(url) if url.startswith("amqp") else OnRedis(url)
            outcome = run(broker, pool, options.good, options.bad, options.seed, directory)
            tell(url, pool, outcome.is_well, outcome)
            if url.startswith(
                "amqp"
            ):  # a Redis gives back late, by its visibility timeout: tests/integration
                (directory / "deadly").mkdir()
                last = deadly.run(broker, pool, options.deliveries, directory / "deadly")
                tell(url, f"{pool}, a task that kills", last.is_well, last)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
