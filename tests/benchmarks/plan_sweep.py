# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Throughput at the plan's concurrency over the best of an exhaustive sweep, for cpu, io and mixed tasks.

    python -m benchmarks.plan_sweep [--workloads cpu io mixed] [--rounds 5] [--seconds 8]

A lab of a broker and one worker host. For each workload the host has an instance for each concurrency of the
sweep, the plan's among them, all deployed by site.yml and idle but for the one whose turn it is. Each round
gives every instance one turn, in an order of its own: the same tasks, in the same order, from a queue that
does not run dry. What counts are the ends of tasks per second once every slot is busy, the median of the
rounds. The goal is 0.95 of the best for each workload.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import planning
from load.remote import Hosts, in_release

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / ".cache" / "bench"
LAB = ROOT / "tests" / "lab" / "lab"
NAME = "sweep"
WORKER = "worker1"
GOAL = 0.95
# The app is small: with what it really takes the host holds every instance at a time.
MEMORY = {"app_memory_mb": 40, "task_memory_mb": 2}


@dataclass(frozen=True)
class Workload:
    """Tasks of one kind: what the inventory says of them, how long they are in seconds, what is swept."""

    spec: Mapping[str, Any]
    compute: float
    wait: float
    sweep: tuple[int, ...]


WORKLOADS = {
    "cpu": Workload({"workload": "cpu"}, 0.2, 0.0, (1, 2, 3, 4, 6, 8)),
    "io": Workload({"workload": "io", "wait_ratio": 49}, 0.01, 0.49, (10, 25, 50, 75, 100, 150, 200)),
    "mixed": Workload({"workload": "mixed", "wait_ratio": 1}, 0.1, 0.1, (1, 2, 3, 4, 6, 8, 12, 16)),
}

# Runs in the release on the worker host: it reaches the broker, and the files in which tasks note their ends.
ON_HOST = '''
import json, random, sys, time
from pathlib import Path
from celeryops_agent.fleet import app

order = json.loads(sys.argv[1])
connection = app.connection_for_write()
channel = connection.default_channel
redis = channel.client


def turn(queue, warm, count):
    """Ends of tasks per second, from the one that ends the warm-up on."""
    ends = Path("/var/lib/celery") / (queue["instance"] + ".ends")
    ends.write_text("")
    redis.lpush(queue["name"], *messages)
    while len(lines := ends.read_text().splitlines()) < warm + count:
        time.sleep(0.05)
    redis.delete(queue["name"])
    while redis.hlen(channel.unacked_key):
        time.sleep(0.05)
    first, last = float(lines[warm - 1]), float(lines[warm + count - 1])
    return count / (last - first)


redis.delete("template")
with app.producer_pool.acquire() as producer:
    for number in range(order["messages"]):
        arguments = [number, order["compute"], order["wait"]]
        app.send_task("sweep.work", arguments, queue="template", producer=producer)
messages = [redis.brpop("template")[1] for _number in range(order["messages"])]
for number in range(order["rounds"]):
    for queue in random.Random(number).sample(order["queues"], len(order["queues"])):
        rate = turn(queue, 2 * queue["slots"], queue["count"])
        print(json.dumps({"round": number + 1, "slots": queue["slots"], "rate": rate}), flush=True)
'''


def say(line: str) -> None:
    """One line of progress."""
    print(line, file=sys.stderr, flush=True)


def inventory(workload: Workload, pool: str, slots: Sequence[int]) -> dict[str, Any]:
    """A broker and a worker host with a queue for each concurrency."""
    queues = {f"slots{n}": {**workload.spec, **MEMORY, "pool": pool, "concurrency": n} for n in slots}
    worker: dict[str, Any] = {WORKER: {}}
    children: dict[str, Any] = {f"celery_queue_{queue}": {"hosts": worker} for queue in queues}
    children["celery_broker"] = {"hosts": {"broker1": {}}}
    variables = {
        "broker_bind": ["0.0.0.0"],
        "broker_password": "bench-only-password",
        "celery_worker_queues": queues,
        "celery_app_target": "sweep:app",
        "celery_app_foreign_queues": ["celery"],
        "celery_app_source": {"type": "directory", "path": str(ROOT / "tests" / "apps" / "sweep")},
    }
    return {"celery": {"children": children, "vars": variables}}


class Site:
    """The lab and what is deployed on it."""

    def __init__(self) -> None:
        HERE.mkdir(parents=True, exist_ok=True)
        self.fleet = HERE / f"{NAME}.yml"
        self.directory = ROOT / ".cache" / "lab" / NAME
        self.inventories = [f"--inventory={self.fleet}", f"--inventory={self.directory / 'inventory.json'}"]

    def up(self) -> None:
        """Boot the hosts of the inventory."""
        subprocess.run([LAB, "up", f"--name={NAME}", f"--inventory={self.fleet}"], check=True)

    def down(self) -> None:
        """Take them down."""
        subprocess.run([LAB, "down", f"--name={NAME}"], check=True)

    def write(self, content: Mapping[str, Any]) -> None:
        """Let the inventory be this."""
        self.fleet.write_text(yaml.safe_dump(dict(content)), encoding="utf-8")

    def play(self) -> None:
        """Make the hosts what the inventory says. Ends the benchmark when that fails."""
        command = ["ansible-playbook", "celeryops.systemd.site", *self.inventories]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f"{done.stdout[-4000:]}\nsite.yml failed")

    def facts(self) -> dict[str, Any]:
        """What the plan knows of the worker host."""
        command = ["ansible", WORKER, "-m", "celeryops.systemd.host_facts", *self.inventories]
        environment = {**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        facts: dict[str, Any] = json.loads(done.stdout.partition("=> ")[2])["ansible_facts"]
        return facts

    def measure(self, order: Mapping[str, Any]) -> dict[int, list[float]]:
        """The rates of each concurrency, a round each."""
        words = Hosts(self.directory / "ssh_config").words(WORKER, in_release([json.dumps(order)]))
        rates: dict[int, list[float]] = {}
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(ON_HOST)
            process.stdin.close()
            for line in process.stdout:
                entry = json.loads(line)
                say(f"  round {entry['round']}: {entry['slots']:3d} slots {entry['rate']:7.2f}/s")
                rates.setdefault(entry["slots"], []).append(entry["rate"])
        if process.returncode:
            sys.exit(f"{WORKER}: the sweep ended with {process.returncode}")
        return rates


def sweep(site: Site, name: str, rounds: int, seconds: float) -> tuple[list[str], float]:
    """Deploy and measure one workload; return the rows of its table and the ratio."""
    workload = WORKLOADS[name]
    site.write(inventory(workload, "auto", [1]))
    site.up()
    host = planning.worker_plan(
        {name: {**workload.spec, **MEMORY}}, WORKER, {f"celery_queue_{name}": [WORKER]}, site.facts(), {}
    )
    (planned,) = host["instances"]
    slots = sorted({*workload.sweep, planned["concurrency"]})
    site.write(inventory(workload, planned["pool"], slots))
    site.play()
    say(f"{name}: {planned['concurrency']} slots planned on {host['cores']:g} cores")

    def count(number: int) -> int:
        """How many ends take about so many seconds."""
        waiting = number / (workload.compute + workload.wait)
        return max(int(seconds * min(waiting, host["cores"] / workload.compute)), number)

    queues: list[dict[str, Any]] = [
        {"name": f"slots{n}", "instance": f"slots{n}-{planned['pool']}", "slots": n, "count": count(n)}
        for n in slots
    ]
    messages = max(queue["count"] + 4 * queue["slots"] for queue in queues)
    order = {"queues": queues, "messages": messages, "rounds": rounds}
    rates = site.measure({**order, "compute": workload.compute, "wait": workload.wait})
    medians = {number: statistics.median(values) for number, values in rates.items()}
    best = max(medians.values())
    marks = {planned["concurrency"]: "  planned"}
    rows = [
        f"{name:8} {number:5d} {rate:9.2f} {rate / best:9.3f}{marks.get(number, '')}"
        for number, rate in sorted(medians.items())
    ]
    return rows, medians[planned["concurrency"]] / best


def main(arguments: Sequence[str]) -> int:
    """Print the table and one JSON document; 1 when a workload misses the goal."""
    parser = argparse.ArgumentParser(description="The plan's concurrency against the best of a sweep.")
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0, help="how long a turn takes, about")
    chosen = parser.parse_args(arguments)
    site = Site()
    rows, ratios = [f"{'workload':8} {'slots':>5} {'tasks/s':>9} {'of best':>9}"], {}
    try:
        for name in chosen.workloads:
            more, ratios[name] = sweep(site, name, chosen.rounds, chosen.seconds)
            rows += more
    finally:
        site.down()
    print("\n".join(rows))
    print(json.dumps({"ratio": {name: round(ratio, 3) for name, ratio in ratios.items()}, "goal": GOAL}))
    return 0 if min(ratios.values()) >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
