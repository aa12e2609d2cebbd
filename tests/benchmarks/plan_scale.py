# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long the plan of a whole fleet takes, in one process: hosts with 20 queues each, of 200.

    python -m benchmarks.plan_scale [--hosts 1000 2500 5000 10000] [--rounds 3]

Every host serves 20 queues of its own choice and differs in cores and memory, so nothing but the reading of
the queues is shared. Each round plans every size once; the figures are the best of the rounds, since whatever
else the machine does only adds to them. The goal: 10,000 hosts in less than 10 s, and about as long for each
host in a large fleet as in a small one. The slope is that of the processor time, which a busy machine bends
less than the seconds on the wall.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import planning

GOAL_HOSTS, GOAL_SECONDS = 10_000, 10.0
# A host of the largest fleet may take this much longer than one of the smallest.
GOAL_SLOPE = 1.25
QUEUES, QUEUES_PER_HOST = 200, 20

Groups = dict[str, list[str]]
Facts = dict[str, dict[str, Any]]


def queues(count: int) -> dict[str, dict[str, Any]]:
    """Queues of every workload, pool and weight."""
    choice = random.Random(4)
    return {
        f"queue{number:03d}": {
            "workload": choice.choice(["cpu", "io", "mixed"]),
            "weight": choice.randint(1, 5),
            "app_memory_mb": choice.randint(40, 200),
            "task_memory_mb": choice.randint(1, 50),
            "time_limit": choice.choice([60, 300, 3600]),
            "wait_ratio": choice.randint(0, 99),
        }
        for number in range(count)
    }


def fleet(names: Sequence[str], count: int) -> tuple[Groups, Facts]:
    """The groups and the facts of so many hosts, as Ansible has them."""
    choice = random.Random(20)
    groups: Groups = {"celery_beat": ["host00000"], "celery_flower": ["host00000"]}
    for name in names:
        groups[f"celery_queue_{name}"] = []
    facts: Facts = {}
    for number in range(count):
        host = f"host{number:05d}"
        facts[host] = {
            "celeryops": {"cores": choice.randint(8, 96), "memory_mb": choice.randint(32, 256) * 1024}
        }
        for name in choice.sample(names, QUEUES_PER_HOST):
            groups[f"celery_queue_{name}"].append(host)
    return groups, facts


def seconds(raw: Mapping[str, Any], groups: Groups, facts: Facts) -> tuple[float, float]:
    """How long the plan of these hosts takes: on the wall, and of the processor."""
    gc.collect()
    start, begun = time.perf_counter(), time.process_time()
    read = planning.Fleet(raw, groups, {})
    planned = [read.plan(host, known) for host, known in facts.items()]
    took = time.perf_counter() - start, time.process_time() - begun
    assert sum(len(host["instances"]) for host in planned) == len(facts) * QUEUES_PER_HOST
    return took


def main(arguments: Sequence[str]) -> int:
    """Print a table and one JSON document; 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description="How long the plan of a whole fleet takes.")
    parser.add_argument("--hosts", type=int, nargs="+", default=[1_000, 2_500, 5_000, GOAL_HOSTS])
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(arguments)
    raw = queues(QUEUES)
    fleets = {count: fleet(list(raw), count) for count in sorted(chosen.hosts)}
    took = {
        count: [seconds(raw, *known) for _round in range(chosen.rounds)] for count, known in fleets.items()
    }
    wall, used = ({n: min(pair[which] for pair in pairs) for n, pairs in took.items()} for which in (0, 1))
    print(f"{'hosts':>7} {'seconds':>8} {'processor':>10} {'ms a host':>10}")
    for count in fleets:
        print(f"{count:7d} {wall[count]:8.2f} {used[count]:10.2f} {1000 * used[count] / count:10.3f}")
    least, most = min(fleets), max(fleets)
    slope = used[most] / most / (used[least] / least)
    fast = all(spent < GOAL_SECONDS for count, spent in wall.items() if count <= GOAL_HOSTS)
    figures = {str(count): round(spent, 2) for count, spent in wall.items()}
    print(json.dumps({"seconds": figures, "slope": round(slope, 2), "goal": [GOAL_SECONDS, GOAL_SLOPE]}))
    return 0 if fast and slope < GOAL_SLOPE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
