# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A rolling restart's wall time over its floor, while tasks flow.

    python -m benchmarks.rolling_restart [--hosts 3] [--rounds 3]

The floor is the sum, over the batches, of the longest drain and start of an instance in it. systemd's own
times of each unit tell both; instances whose restarts overlap were a batch. The figure is the median of the
ratios of the rounds. What is above the floor is Ansible's: facts, looking and waiting, for each batch.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import yaml
from benchmarks.site_scale import HERE, LAB, ROOT, SITE, inventory, play
from load.fleet import Fleet, Load

NAME = "benchrolling"
MAIL = {"task": "shop.mail.send", "args": ["buyer@example.org", 2.0]}
MIX = {
    "tasks": [{"queue": "default", **MAIL}, {"queue": "mail", **MAIL}],
    "chord": {
        "header": [{"queue": "mail", **MAIL}],
        "body": {"queue": "default", "task": "shop.orders.ship", "args": [1]},
    },
}
TIMES = ("ActiveExit", "InactiveEnter", "InactiveExit", "ActiveEnter")


@dataclass(frozen=True)
class Restart:
    """One instance's restart, in seconds of the machine's clock."""

    stops: float
    stopped: float
    starts: float
    ready: float

    @property
    def floor(self) -> float:
        """Seconds of its drain and its start."""
        return self.stopped - self.stops + self.ready - self.starts


def floor(restarts: Iterable[Restart]) -> tuple[float, int]:
    """The sum over the batches of the longest drain and start, in seconds, and how many they were."""
    batches, end = list[list[Restart]](), 0.0
    for one in sorted(restarts, key=lambda one: one.stops):
        if not batches or one.stops >= end:
            batches.append([])
        batches[-1].append(one)
        end = max(end, one.ready)
    return sum(max(one.floor for one in batch) for batch in batches), len(batches)


def restarts(fleet: Fleet) -> list[Restart]:
    """The last restart of each worker."""
    found = []
    properties = ",".join(f"{name}TimestampMonotonic" for name in TIMES)
    for host in fleet.workers:
        shown = fleet.hosts.run(host, ["systemctl", "show", f"--property={properties}", "celery-worker@*"])
        for block in shown.strip().split("\n\n"):
            values = dict(line.split("=", 1) for line in block.splitlines())
            found.append(Restart(*(int(values[f"{name}TimestampMonotonic"]) / 1e6 for name in TIMES)))
    return found


def main(arguments: Sequence[str]) -> None:
    """Bring the lab up, restart it `rounds` times, print the figures, take it down."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=3, help="hosts of the fleet (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="restarts (default 3)")
    chosen = parser.parse_args(arguments)
    HERE.mkdir(parents=True, exist_ok=True)
    hosts, record = HERE / f"{NAME}.yml", HERE / f"{NAME}.jsonl"
    content = inventory(chosen.hosts)
    hosts.write_text(yaml.safe_dump(content), encoding="utf-8")
    connection = ROOT / ".cache" / "lab" / NAME
    names = tuple(content["celery"]["children"]["celery_queue_default"]["hosts"])
    fleet = Fleet(hosts, connection / "ssh_config", workers=names, sender=names[0])
    try:
        subprocess.run([LAB, "up", f"--name={NAME}", f"--inventory={hosts}"], check=True)
        inventories = [hosts, connection / "inventory.json"]
        play(SITE, inventories, record)
        print(f"{'batches':>7} {'wall s':>7} {'floor s':>8} {'ratio':>6} {'above, a batch':>15}", flush=True)
        ratios = []
        for _round in range(chosen.rounds):
            with Load(fleet, "a rolling restart", MIX, 1, 5.0, None) as load:
                wall = play("celeryops.systemd.rolling_restart", inventories, record).wall
            least, batches = floor(restarts(fleet))
            ratios.append(wall / least)
            above = (wall - least) / batches
            print(f"{batches:7} {wall:7.1f} {least:8.1f} {wall / least:6.2f} {above:13.1f} s", flush=True)
            if not load.clean:
                sys.exit(str(load))
    finally:
        subprocess.run([LAB, "down", f"--name={NAME}"], check=True)
    print(json.dumps({"hosts": chosen.hosts, "ratio": round(statistics.median(ratios), 2)}))


if __name__ == "__main__":
    main(sys.argv[1:])
