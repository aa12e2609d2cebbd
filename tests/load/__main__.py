"""Send tasks through every queue of a lab and account for each by id.

    python -m load --lab demo --sender ops1 --workers worker1,worker2 --count 400 --chords 10

Exits 0 when every task ended well and ran once, 1 when one was lost, failed or ran twice, 2 when the run
itself could not be made.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path

from load.driver import Order, drive, leftover, report
from load.remote import Hosts, RemoteError

ROOT = Path(__file__).resolve().parents[2]


def say(line: str) -> None:
    """One line of progress."""
    print(f"load: {line}", flush=True)


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="load", description=__doc__.splitlines()[0] if __doc__ else "")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--lab", help="a lab of this checkout")
    where.add_argument("--ssh-config", type=Path, help="or the ssh configuration that reaches the hosts")
    parser.add_argument("--sender", required=True, help="the host that sends; it has a release")
    parser.add_argument("--workers", required=True, help="the hosts whose tasks count, comma-separated")
    parser.add_argument("--mix", type=Path, default=ROOT / "tests/apps/shop/load.json")
    parser.add_argument("--count", type=int, default=400, help="single tasks (default 400)")
    parser.add_argument("--chords", type=int, default=10, help="chords besides (default 10)")
    parser.add_argument("--rate", type=float, default=0.0, help="sendings a second (default: at once)")
    parser.add_argument("--patience", type=float, default=60.0, help="seconds without progress to wait")
    parser.add_argument("--allow-twice", action="store_true", help="a task that ran twice is no failure")
    parser.add_argument("--json", type=Path, help="write the account here too")
    options = parser.parse_args()

    hosts = Hosts(options.ssh_config or ROOT / ".cache/lab" / options.lab / "ssh_config")
    order = Order(
        sender=options.sender, workers=tuple(options.workers.split(",")),
        mix=json.loads(options.mix.read_text()), count=options.count, chords=options.chords,
        rate=options.rate, patience=options.patience,
    )  # fmt: skip
    say(f"run {order.run}: {order.count} tasks and {order.chords} chords from {order.sender}")
    try:
        accounts = drive(hosts, order, say)
        held = leftover(hosts, order)
    except RemoteError as error:
        print(f"load: {error}", file=sys.stderr)
        return 2
    print("\n".join(report(accounts, held)), flush=True)
    total = accounts[-1]
    if options.json:
        options.json.write_text(json.dumps([dataclasses.asdict(row) for row in accounts], indent=1) + "\n")
    kept = dataclasses.replace(total, twice=()) if options.allow_twice else total
    return 0 if kept.clean and not any(held.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
