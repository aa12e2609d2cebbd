"""What a no-change run of site.yml costs against a bare fact-gathering play over the same hosts.

    python -m benchmarks.site_scale [--hosts 1 4 16 32] [--rounds 3]

Both plays run with the recommended ansible.cfg, in turn in each round on the same lab: a slow machine slows
both; the figure is the median of the ratios. With each size comes where the time goes: the processor of the
controller, which a busy machine falsifies less than the wall, and seconds by task, summed over hosts, dearest
first.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
CALLBACKS = ROOT / "tests" / "callback"
HERE = ROOT / ".cache" / "bench"
LAB = ROOT / "tests" / "lab" / "lab"
SITE = "celeryops.systemd.site"
BARE = [{"name": "Gather facts", "hosts": "celery", "gather_facts": True}]


def inventory(count: int) -> dict[str, Any]:
    """A fleet of `count` hosts: each serves two queues, the first also the broker, beat and Flower."""
    names = [f"host{n:02d}" for n in range(1, count + 1)]
    everyone, first = dict.fromkeys(names), dict.fromkeys(names[:1])
    members = {"celery_broker": first, "celery_beat": first, "celery_flower": first}
    members |= {"celery_queue_default": everyone, "celery_queue_mail": everyone}
    variables = {
        "broker_bind": ["127.0.0.1"] if count == 1 else ["0.0.0.0"],
        "broker_password": "bench-only-password",
        "flower_users": {"bench": "bench-only-password"},
        "celery_worker_queues": {
            "default": {"concurrency": 1, "app_memory_mb": 60, "task_memory_mb": 20},
            "mail": {"workload": "io", "concurrency": 10, "app_memory_mb": 60, "task_memory_mb": 1},
        },
        "celery_app_target": "shop.celery:shop",
        "celery_app_foreign_queues": ["images", "reports"],
        "celery_app_source": {"type": "directory", "path": str(ROOT / "tests" / "apps" / "shop")},
    }
    children = {name: {"hosts": hosts} for name, hosts in members.items()}
    return {"celery": {"children": children, "vars": variables}}


class Cost(NamedTuple):
    """Seconds of a play: on the wall, and of the controller's processor, its ssh clients included."""

    wall: float
    processor: float


def play(playbook: str, inventories: Sequence[Path], record: Path) -> Cost:
    """Plays once; returns what it costs. Ends the benchmark when the play fails."""
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "inventories" / "ansible.cfg"),
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "record",
        "CELERYOPS_RECORD": str(record),
    }
    command = ["ansible-playbook", playbook, *(f"--inventory={path}" for path in inventories)]
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout[-4000:]}\n{playbook} failed")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.monotonic() - started, spent)


def dearest(record: Path, most: int = 12) -> list[str]:
    """Rows of the tasks that took longest, summed over hosts."""
    seconds: Counter[str] = Counter()
    count: Counter[str] = Counter()
    changed: set[str] = set()
    for line in record.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        seconds[entry["task"]] += entry["seconds"]
        count[entry["task"]] += 1
        if entry["outcome"] == "changed":
            changed.add(entry["task"])
    if changed:
        sys.exit(f"not a no-change run, these changed: {', '.join(sorted(changed))}")
    return [f"    {spent:7.2f} s {count[task]:4d} x  {task}" for task, spent in seconds.most_common(most)]


def measure(count: int, rounds: int) -> str:
    """Boots a lab of `count` hosts, converges it, times both plays `rounds` times; returns the report."""
    name = f"bench{count}"
    HERE.mkdir(parents=True, exist_ok=True)
    fleet, bare, record = HERE / f"{name}.yml", HERE / "bare.yml", HERE / f"{name}.jsonl"
    fleet.write_text(yaml.safe_dump(inventory(count)), encoding="utf-8")
    bare.write_text(yaml.safe_dump(BARE), encoding="utf-8")
    inventories = [fleet, ROOT / ".cache" / "lab" / name / "inventory.json"]
    try:
        subprocess.run([LAB, "up", f"--name={name}", f"--inventory={fleet}"], check=True)
        print(f"{count} hosts: first run {play(SITE, inventories, record).wall:.0f} s", flush=True)
        pairs = []
        for _round in range(rounds):
            facts = play(str(bare), inventories, HERE / "bare.jsonl")
            pairs.append((facts, play(SITE, inventories, record)))
    finally:
        subprocess.run([LAB, "down", f"--name={name}"], check=True)
    facts, site = (statistics.median(cost.wall for cost in costs) for costs in zip(*pairs, strict=True))
    ratio = statistics.median(site.wall / facts.wall for facts, site in pairs)
    processor = statistics.median(site.processor for _facts, site in pairs)
    row = f"{count:5d} {facts:9.1f} {site:9.1f} {ratio:7.2f} {site / count:14.2f} {processor:12.1f}"
    return "\n".join([row, *dearest(record)])


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, nargs="+", default=[1, 4, 16, 32], help="sizes of the fleet")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of both plays (default 3)")
    chosen = parser.parse_args(arguments)
    for count in chosen.hosts:
        report = measure(count, chosen.rounds)
        print(f"{'hosts':>5} {'facts s':>9} {'site s':>9} {'ratio':>7} {'site s / host':>14} {'cpu s':>12}")
        print(report, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
