# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Malformed messages between good ones, through each pool: what `make proof-hostile` runs.

    python -m hostile --good 2000 --bad 200                     a Redis of its own
    python -m hostile --broker amqp://celery:...@host/celery    a RabbitMQ of the role broker

Prints a line a pool; the exit status is 1 unless each good message was done once, each malformed one is named
in the log and kept as a dead letter, and no process ended.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from integration.agent.harness import POOLS

from hostile.brokers import OnRabbit, OnRedis
from hostile.proof import own_redis, run


def main() -> int:
    """Run it; 1 where a promise was broken."""
    parser = argparse.ArgumentParser(prog="hostile", description="Malformed messages between good ones.")
    parser.add_argument("--broker", default="", help="URL; a Redis of its own")
    parser.add_argument("--pools", nargs="+", choices=POOLS, default=POOLS)
    parser.add_argument("--good", type=int, default=2000)
    parser.add_argument("--bad", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    well = True
    for pool in options.pools:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hostile-")))
            url = options.broker or stack.enter_context(own_redis(directory))
            outcome = run(
                OnRabbit(url) if url.startswith("amqp") else OnRedis(url),
                pool, options.good, options.bad, options.seed, directory,
            )  # fmt: skip
        well = well and outcome.is_well
        verdict = "well" if outcome.is_well else "BROKEN"
        print(f"{url.partition(':')[0]} {pool}: {verdict}: {outcome}", flush=True)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
