# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One instance: what it asks of the host, and its numbers once it knows its share.

docs/explanation/plan.md says the same in words, with sources and a worked example.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypedDict

from . import budget, naming, timers
from .spec import QueueSpec, Scale

# Seconds of waiting for each second of computing; 1 + wait / compute slots keep a core busy
# (B. Goetz, Java Concurrency in Practice, 8.2).
WAIT_RATIO = {"cpu": Fraction(0), "mixed": Fraction(1), "io": Fraction(49)}
# More processes than this only wait in memory; threads and greenlets wait for less.
PREFORK_PER_CORE = 10
LEAST_IO = 50
# An instance is throttled and recycled before it is killed.
HIGH_PART = Fraction(9, 10)
CPU_WEIGHT = 100
# A message waits in the queue until a slot is free, where any other worker may take it.
PREFETCH = 1
# Celery kills a child that is not up in 4 s, too few for a large app on a busy host (measured).
ALIVE_S, LONGEST_ALIVE_S = 30, 60
# Python, the app and the connections; then the sockets and files of each task.
BASE_FILES, FILES_PER_SLOT = 1024, 16
# A child's native libraries start a thread for each core; a task in a shared process starts a few.
BASE_TASKS, TASKS_PER_CHILD, TASKS_PER_SLOT = 64, 32, 8


class Autoscale(TypedDict):
    """The bounds of an instance that grows and shrinks."""

    min: int
    max: int


class InstancePlan(TypedDict):
    """One instance. Memory in MB (recycling in KB, as Celery counts it), limits and timeouts in seconds.

    scale: when it starts and drains, of an extra instance; None of one that always runs.
    """

    name: str
    unit: str
    node: str
    queue: str
    consumes: list[str]
    pool: str
    concurrency: int
    autoscale: Autoscale | None
    prefetch_multiplier: int
    max_tasks_per_child: int | None
    max_memory_per_child_kb: int | None
    memory_high_mb: int
    memory_max_mb: int
    cpu_weight: int
    tasks_max: int
    limit_nofile: int
    soft_time_limit: int
    time_limit: int
    stop_timeout: int
    proc_alive_timeout: int
    arguments: list[str]
    scale: dict[str, int] | None
    why: dict[str, str]


@dataclass(frozen=True)
class Instance:
    """An instance before it is sized: a queue's spec on one pool, and its number among several such.

    All hosts of a fleet that have it share it.
    """

    spec: QueueSpec
    pool: str
    number: int = 1

    @cached_property
    def name(self) -> str:
        return naming.instance_of(self.spec.queue, self.pool, self.number)

    @cached_property
    def forks(self) -> bool:
        """Whether tasks run in children, rather than in the one process."""
        return self.pool == "prefork"

    @cached_property
    def weight(self) -> int:
        """The queue's weight in 2520ths, divided among its instances: one to ten of them divide 2520."""
        return self.spec.weight * 2520 // self.spec.instances

    @cached_property
    def scale(self) -> Scale | None:
        """When it starts and drains, if it is an extra one."""
        scale = self.spec.scale
        return scale if scale and self.number > scale.min_instances else None

    @cached_property
    def per_core(self) -> Fraction:
        """The slots that keep one core busy."""
        if self.spec.wait_ratio is not None:
            return 1 + self.spec.wait_ratio
        per_core = 1 + WAIT_RATIO[self.spec.workload]
        return min(per_core, Fraction(PREFORK_PER_CORE)) if self.forks else per_core

    @cached_property
    def fixed(self) -> int | None:
        """The concurrency that nobody may change, if there is one."""
        return 1 if self.pool == "solo" else self.spec.concurrency

    @cached_property
    def least(self) -> int:
        """The slots without which the instance is refused."""
        return self.fixed or self.spec.min_concurrency

    @cached_property
    def slot_mb(self) -> int:
        """What a slot adds: a child and its largest task, or the task alone where all share the process."""
        return self.spec.task_memory_mb + (self.spec.app_memory_mb if self.forks else 0)

    def need_mb(self, concurrency: int) -> int:
        """The memory that the instance uses when every slot runs its largest task."""
        return self.spec.app_memory_mb + concurrency * self.slot_mb

    @cached_property
    def least_mb(self) -> int:
        """The MemoryMax whose MemoryHigh holds the least slots."""
        return math.ceil(self.need_mb(self.least) / HIGH_PART)

    @cached_property
    def least_why(self) -> str:
        """Say how the least memory comes about."""
        return f"{self.spec.app_memory_mb} of the app + {self.least} x {self.slot_mb} a slot, and a tenth"

    @cached_property
    def demand(self) -> budget.Demand:
        """What the instance asks of the CPU."""
        least, most = self.least, self.fixed or self.spec.max_concurrency
        if not self.forks and not self.fixed:
            # One process has one GIL, and feeds the slots of one core.
            floor = max(least, LEAST_IO if self.spec.workload == "io" else 1)
            fed = max(floor, math.floor(self.per_core))
            most = min(most or fed, fed)
            least = min(floor, most)
        return budget.Demand(least, most, self.per_core, self.weight)


def sized(instance: Instance, host: budget.Host, cpu_slots: int, cpu_why: str, share_mb: int) -> InstancePlan:
    """Return the instance's numbers.

    cpu_slots, cpu_why: what the host's CPU allows and why; share_mb: the memory that is the instance's.
    """
    spec = instance.spec
    why: dict[str, str] = {}
    high = math.floor(share_mb * HIGH_PART)
    memory_slots = (high - spec.app_memory_mb) // instance.slot_mb
    concurrency = min(cpu_slots, memory_slots)
    slot = f"{spec.app_memory_mb} + {spec.task_memory_mb}" if instance.forks else f"{spec.task_memory_mb}"
    memory_why = f"({high} - {spec.app_memory_mb} MB of the app) / ({slot} MB a slot)"
    if instance.pool == "solo":
        why["concurrency"] = "solo runs one task at a time"
    elif spec.concurrency:
        why["concurrency"] = f"concurrency = {spec.concurrency} in the inventory"
    elif cpu_slots <= memory_slots:
        why["concurrency"] = f"{cpu_why}; the memory would allow {memory_slots}"
    else:
        why["concurrency"] = f"the memory allows {memory_slots}: {memory_why}; {cpu_why}: {cpu_slots}"

    autoscale: Autoscale | None = None
    if spec.autoscale and spec.min_concurrency < concurrency and instance.pool != "solo":
        autoscale = Autoscale(min=spec.min_concurrency, max=concurrency)
        why["autoscale"] = "asked for: from min_concurrency to what the host allows"

    recycle_kb: int | None = None
    if instance.forks:
        fair = (high - spec.app_memory_mb) // concurrency - spec.task_memory_mb
        recycle_kb = 1024 * max(fair, instance.slot_mb)
        why["max_memory_per_child_kb"] = (
            f"a child is replaced once it used more than ({high} - {spec.app_memory_mb}) / {concurrency} - "
            f"{spec.task_memory_mb} MB, but not for its largest task ({instance.slot_mb} MB)"
        )
    per_slot = TASKS_PER_CHILD + math.ceil(host.cores) if instance.forks else TASKS_PER_SLOT
    why |= {
        "prefetch_multiplier": "a message waits in the queue, where any worker may take it",
        "memory_max_mb": f"its share of the host by weight {spec.weight}, at least {instance.least_mb} MB",
        "memory_high_mb": "nine tenths of MemoryMax: reclaim and recycling come before a kill",
        "cpu_weight": f"{CPU_WEIGHT} x weight {spec.weight} / {spec.instances} instances",
        "tasks_max": f"{BASE_TASKS} + {concurrency} x {per_slot} processes and threads",
        "limit_nofile": f"{BASE_FILES} + {concurrency} x {FILES_PER_SLOT} files",
        "time_limit": "the spec's, or celery_app_task_time_limit",
        "soft_time_limit": "the spec's, or celery_app_task_soft_time_limit, below the hard limit",
        "stop_timeout": f"time_limit + {timers.STOP_MARGIN} s: the longest task ends before the stop does",
        "proc_alive_timeout": f"{ALIVE_S} s + 1 s a child, at most {LONGEST_ALIVE_S} s",
    }
    if spec.max_tasks_per_child and instance.forks:
        why["max_tasks_per_child"] = f"max_tasks_per_child = {spec.max_tasks_per_child} in the inventory"
    return InstancePlan(
        name=instance.name,
        unit=naming.unit_of(instance.name),
        node=naming.node_of(instance.name, host.name),
        queue=spec.queue,
        consumes=list(spec.consumes),
        pool=instance.pool,
        concurrency=concurrency,
        autoscale=autoscale,
        prefetch_multiplier=PREFETCH,
        max_tasks_per_child=spec.max_tasks_per_child if instance.forks else None,
        max_memory_per_child_kb=recycle_kb,
        memory_high_mb=high,
        memory_max_mb=share_mb,
        cpu_weight=max(CPU_WEIGHT * spec.weight // spec.instances, 1),
        tasks_max=BASE_TASKS + concurrency * per_slot,
        limit_nofile=BASE_FILES + concurrency * FILES_PER_SLOT,
        soft_time_limit=spec.soft_time_limit,
        time_limit=spec.time_limit,
        stop_timeout=timers.stop_timeout(spec.time_limit),
        proc_alive_timeout=min(ALIVE_S + concurrency, LONGEST_ALIVE_S),
        arguments=list(spec.arguments),
        scale=asdict(instance.scale) if instance.scale else None,
        why=why,
    )
