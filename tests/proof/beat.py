"""Beat on two hosts, while the one that leads is killed, frozen or stopped again and again.

    python -m proof.beat --minutes 30 --each 180      in the lab that the target proof-beat brings up

Counts what a worker on a third host saw. The exit status is 0 when no tick came twice, and a standby fired
within the lock's time and the loop's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from proof.ticks import Account, Tick, account, parse

LAB = Path(__file__).resolve().parents[1] / "lab" / "lab"
TICKS = "/var/lib/celery/ticks"
EVERY = 5.0  # seconds between two ticks, as the inventory of the scenario `beat` has it
PATIENCE = 120.0  # seconds in which a step has to happen at all
#: What is done to the leader's host, and how it comes back.
FAULTS = {"kill": "start", "pause": "unpause", "stop": "start"}


@dataclass(frozen=True)
class Failover:
    """One failover: what happened to whom, and seconds until another host's tick ran."""

    fault: str
    leader: str
    seconds: float


@dataclass(frozen=True)
class Lab:
    """The hosts of a run."""

    name: str
    worker: str
    beats: Sequence[str]

    def run(self, *words: str) -> str:
        """What a command of the lab prints."""
        done = subprocess.run(
            [LAB, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
        )
        return done.stdout

    def on(self, host: str, command: str) -> str:
        """What a command prints on a host."""
        return self.run("shell", "--name", self.name, host, "sh", "-c", command)

    def fault(self, action: str, host: str) -> None:
        """Break a host, or fix it."""
        self.run("fault", "--name", self.name, action, host)

    def status(self, host: str) -> str:
        """What beat says of itself."""
        return self.on(host, "systemctl show --property=StatusText --value celery-beat").strip()

    def leader(self) -> str:
        """The host whose beat leads; waits until there is one and the other stands by."""

        def settled() -> str:
            said = {host: self.status(host) for host in self.beats}
            leaders = [host for host, status in said.items() if status == "leader"]
            others = [status for status in said.values() if status.startswith("standby")]
            return leaders[0] if len(leaders) == 1 and len(others) == len(said) - 1 else ""

        return waited("one beat leads and the other stands by", settled)

    def ticks(self) -> list[Tick]:
        """What the worker saw until now."""
        return parse(self.on(self.worker, f"cat {TICKS} 2>/dev/null || true"))


def waited(what: str, look: Callable[[], str]) -> str:
    """Look until there is something to see, and return it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError(f"in {PATIENCE:.0f} s it did not happen that {what}")


def fail_over(lab: Lab, fault: str) -> Failover:
    """Break the leader's host, wait for a tick of another, fix the host, wait for its standby."""
    leader = lab.leader()
    lab.fault(fault, leader)
    began = time.time()

    def taken_over() -> str:
        return next((str(tick.at) for tick in lab.ticks() if tick.at > began and tick.sender != leader), "")

    at = float(waited("a standby fires", taken_over))
    lab.fault(FAULTS[fault], leader)
    lab.leader()
    return Failover(fault, leader, at - began)


def prove(lab: Lab, faults: Sequence[str], each: float, until: float) -> tuple[Account, list[Failover]]:
    """Let the faults follow each other, one each so many seconds, and count the ticks of the whole time.

    :param until: seconds that the run lasts at least.
    """
    lab.leader()
    began = time.time()
    failovers = []
    for number, fault in enumerate(faults, 1):
        failovers.append(fail_over(lab, fault))
        print(f"{time.time() - began:7.1f} s  {fault:<5} {failovers[-1].leader}: ", end="")
        print(f"the next tick came after {failovers[-1].seconds:.1f} s", flush=True)
        time.sleep(max(0.0, began + number * each - time.time()))
    time.sleep(max(0.0, began + until - time.time()))
    return account([tick for tick in lab.ticks() if tick.at >= began], EVERY), failovers


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="proof.beat", description="Count ticks of beat.")
    parser.add_argument("--name", default="proof-beat", help="the lab (proof-beat)")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long it lasts (30)")
    parser.add_argument("--each", type=float, default=180.0, help="seconds from failover to failover (180)")
    parser.add_argument("--bound", type=float, default=25.0, help="the lock's seconds and the loop's (25)")
    options = parser.parse_args()
    number = max(1, int(options.minutes * 60 / options.each))
    faults = [fault for fault, _index in zip(cycle(FAULTS), range(number), strict=False)]
    lab = Lab(options.name, "broker1", ("beat1", "beat2"))
    counted, failovers = prove(lab, faults, options.each, options.minutes * 60)
    slowest = max(failover.seconds for failover in failovers)
    print(
        f"{counted.fired} ticks fired, {counted.missed} missed, {counted.doubled} doubled"
        f" in {options.minutes:g} minutes with {len(failovers)} failovers;"
        f" the slowest took {slowest:.1f} s, the longest pause was {counted.longest:.1f} s"
    )
    return 0 if counted.doubled == 0 and slowest <= options.bound else 1


if __name__ == "__main__":
    sys.exit(main())
