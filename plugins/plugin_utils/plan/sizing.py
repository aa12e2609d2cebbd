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

from .. import naming
from ..inventory import timers
from . import budget
from .spec import AUTOSCALING_POOLS, QueueSpec, Scale

# Seconds of waiting for each second of computing; 1 + wait / compute slots keep a core busy that take turns
# (B. Goetz, Java Concurrency in Practice, 8.2).
WAIT_RATIO = {"cpu": Fraction(0), "mixed": Fraction(1), "io": Fraction(49)}
# They do not: at times too many wait, and cores idle. With half as many again as the root of cores x ratio on
# top (square-root staffing) the cores work for 0.96 of the time or more, however many there are and whatever
# the ratio (tests/unit/plugins/plugin_utils/plan/test_plan_staffing.py has the model).
HEADROOM = Fraction(3, 2)
# More processes than this only wait in memory; threads and greenlets wait for less.
PREFORK_PER_CORE = 10
LEAST_IO, MOST_IO = 50, 1000
# An instance is throttled and recycled before it is killed.
HIGH_PART = Fraction(9, 10)
CPU_WEIGHT = 100
# What a leaking task takes is its own instance's: no swap to fill, and one killed child ends nothing else.
SWAP_MB = 0
OOM_POLICY = "continue"
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


class SpecPlan(TypedDict):
    """What the spec alone decides of an instance, on every host alike."""

    name: str
    unit: str
    queue: str
    consumes: list[str]
    pool: str
    app_memory_mb: int
    prefetch_multiplier: int
    max_tasks_per_child: int | None
    memory_swap_max_mb: int
    oom_policy: str
    cpu_weight: int
    cpu_quota: int | None
    soft_time_limit: int
    time_limit: int
    stop_timeout: int
    stop_within: int | None
    arguments: list[str]
    scale: dict[str, int] | None


class InstancePlan(SpecPlan):
    """One instance. Memory in MB (recycling in KB, as Celery counts it), limits and timeouts in seconds.

    cpu_quota: percent of one core.
    scale: when it starts and drains, of an extra instance; None of one that always runs.
    """

    node: str
    concurrency: int
    autoscale: Autoscale | None
    max_memory_per_child_kb: int | None
    memory_high_mb: int
    memory_max_mb: int
    tasks_max: int
    limit_nofile: int
    proc_alive_timeout: int
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
        return 1 if self.pool == "solo" or self.spec.order == "strict" else self.spec.concurrency

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
    def most_cores(self) -> Fraction | None:
        """The cores that the instance may use at most, where it is told so."""
        return None if self.spec.cpu_quota is None else Fraction(self.spec.cpu_quota, 100)

    @cached_property
    def demand(self) -> budget.Demand:
        """What the instance asks of the CPU, before the slots that `staffed` adds."""
        least, most, per_core = self.least, self.fixed, self.per_core
        if not self.fixed and self.most_cores is not None:
            most = max(least, math.ceil(self.most_cores * per_core))
        if not self.forks:
            # One process has one GIL: it feeds the slots of one core, and costs no more.
            floor = max(least, LEAST_IO if self.spec.workload == "io" and not self.fixed else 1)
            fed = max(floor, min(math.floor(per_core) + self._more(per_core), MOST_IO))
            most = min(most or fed, fed)
            least, per_core = min(floor, most), max(per_core, Fraction(fed))
        highest = self.spec.max_concurrency
        if highest is not None and not self.fixed:
            most = min(most or highest, highest)
            least = min(least, most)
        return budget.Demand(least, most, per_core, self.weight)

    def staffed(self, slots: int) -> int:
        """Return the slots that keep the cores busy which feed so many, within the spec's bounds."""
        if self.fixed or not self.forks:
            return slots
        highest = self.spec.max_concurrency
        more = slots + self._more(slots)
        return more if highest is None else min(more, highest)

    @cached_property
    def _headroom(self) -> Fraction:
        """The square of what is needed more, a slot: HEADROOM**2 x the part of its time that it waits."""
        capped = self.forks and self.spec.workload == "io" and self.spec.wait_ratio is None
        return Fraction(0) if capped else HEADROOM**2 * (1 - 1 / self.per_core)

    def _more(self, slots: Fraction | int) -> int:
        """Return how many more slots the cores need that feed so many, as tasks do not wait in turn.

        HEADROOM x sqrt(cores x ratio), rounded up; slots x the part that waits is cores x ratio.
        """
        square, unit = slots * self._headroom.numerator, self._headroom.denominator
        root = math.isqrt(int(square // unit))
        return root + (root * root * unit < square)

    @cached_property
    def grows(self) -> bool:
        """Whether Celery is to move its concurrency, and can."""
        return self.spec.autoscale and self.pool in AUTOSCALING_POOLS

    @cached_property
    def from_spec(self) -> SpecPlan:
        """What the spec alone decides."""
        spec = self.spec
        return SpecPlan(
            name=self.name,
            unit=naming.unit_of(self.name),
            queue=spec.queue,
            consumes=list(spec.consumes),
            pool=self.pool,
            app_memory_mb=spec.app_memory_mb,
            prefetch_multiplier=PREFETCH,
            max_tasks_per_child=spec.max_tasks_per_child if self.forks else None,
            memory_swap_max_mb=SWAP_MB,
            oom_policy=OOM_POLICY,
            cpu_weight=max(CPU_WEIGHT * spec.weight // spec.instances, 1),
            cpu_quota=spec.cpu_quota,
            soft_time_limit=spec.soft_time_limit,
            time_limit=spec.time_limit,
            stop_timeout=timers.stop_timeout(spec.time_limit, spec.stop_within),
            stop_within=spec.stop_within,
            arguments=list(spec.arguments),
            scale=asdict(self.scale) if self.scale else None,
        )

    @cached_property
    def why_from_spec(self) -> dict[str, str]:
        """Why the spec alone decides so."""
        spec = self.spec
        return {
            "pool": self._pool_why(),
            "app_memory_mb": f"a process is planned with {spec.app_memory_mb} MB before its first task",
            "prefetch_multiplier": "a message waits in the queue, where any worker may take it",
            "max_tasks_per_child": self._max_tasks_why(),
            "memory_max_mb": f"its share of the host by weight {spec.weight}, at least {self.least_mb} MB",
            "memory_high_mb": "nine tenths of MemoryMax: reclaim and recycling come before a kill",
            "memory_swap_max_mb": "what does not fit ends in its own instance, and never in the host's swap",
            "oom_policy": "the kernel kills one child, its task is delivered again, the others go on"
            if self.forks
            else "the kernel ends the one process, and systemd starts it again",
            "cpu_weight": f"{CPU_WEIGHT} x weight {spec.weight}"
            + (f" / {spec.instances} instances" if spec.instances > 1 else ""),
            "cpu_quota": f"cpu_quota = {spec.cpu_quota} in the inventory"
            if spec.cpu_quota
            else "not asked for; idle cores are anybody's",
            "time_limit": "the spec's, or celery_app_task_time_limit",
            "soft_time_limit": "the spec's, or celery_app_task_soft_time_limit, below the hard limit",
            "stop_timeout": _stop_why(spec),
            "stop_within": "the spec's; unset, a stop waits for its tasks",
            "scale": "an extra instance, starts and drains with the queue" if self.scale else "always runs",
        }

    def _max_tasks_why(self) -> str:
        """Say after how many tasks a child is replaced."""
        if not self.forks:
            return f"{self.pool} has no children"
        if self.spec.max_tasks_per_child:
            return f"max_tasks_per_child = {self.spec.max_tasks_per_child} in the inventory"
        return "not asked for: its memory decides when a child is replaced"

    def _pool_why(self) -> str:
        """Say why it is this pool."""
        if self.pool != self.spec.auto:
            return f"pool = {self.pool} in the inventory"
        if self.spec.order == "strict":
            return "auto: order = strict, and solo takes the next task when the last one has ended"
        if self.forks:
            return "auto: a process for each task that computes, as threads share one interpreter lock"
        if self.pool == "gevent":
            return "auto: tasks that wait share a process; gevent is among celery_app_packages"
        return "auto: tasks that wait share a process; no gevent among celery_app_packages"


def sized(instance: Instance, host: budget.Host, cpu_slots: int, cpu_why: str, share_mb: int) -> InstancePlan:
    """Return the instance's numbers.

    :param cpu_slots, cpu_why: what the host's CPU allows and why.
    :param share_mb: the memory that is the instance's.
    """
    spec = instance.spec
    high = share_mb * HIGH_PART.numerator // HIGH_PART.denominator
    memory_slots = (high - spec.app_memory_mb) // instance.slot_mb
    concurrency = min(cpu_slots, memory_slots)
    autoscale: Autoscale | None = None
    if instance.grows and spec.min_concurrency < concurrency:
        autoscale = Autoscale(min=spec.min_concurrency, max=concurrency)
    recycle_kb: int | None = None
    if instance.forks:
        fair = (high - spec.app_memory_mb) // concurrency - spec.task_memory_mb
        recycle_kb = 1024 * max(fair, instance.slot_mb)
    per_slot = TASKS_PER_CHILD + math.ceil(host.cores) if instance.forks else TASKS_PER_SLOT
    return {
        **instance.from_spec,
        "node": naming.node_of(instance.name, host.name),
        "concurrency": concurrency,
        "autoscale": autoscale,
        "max_memory_per_child_kb": recycle_kb,
        "memory_high_mb": high,
        "memory_max_mb": share_mb,
        "tasks_max": BASE_TASKS + concurrency * per_slot,
        "limit_nofile": BASE_FILES + concurrency * FILES_PER_SLOT,
        "proc_alive_timeout": min(ALIVE_S + concurrency, LONGEST_ALIVE_S),
        "why": {
            **instance.why_from_spec,
            "concurrency": _concurrency_why(instance, high, cpu_slots, cpu_why, memory_slots),
            "autoscale": _autoscale_why(instance, concurrency),
            "max_memory_per_child_kb": _recycle_why(instance, high, concurrency),
            "tasks_max": f"{BASE_TASKS} + {concurrency} x {per_slot} processes and threads",
            "limit_nofile": f"{BASE_FILES} + {concurrency} x {FILES_PER_SLOT} files",
            "proc_alive_timeout": f"{ALIVE_S} s + 1 s a child, at most {LONGEST_ALIVE_S} s",
        },
    }


def _concurrency_why(instance: Instance, high: int, cpu_slots: int, cpu_why: str, memory_slots: int) -> str:
    """Say whether the inventory, the CPU or the memory decided."""
    spec = instance.spec
    if spec.order == "strict":
        return "order = strict in the inventory: one task at a time"
    if instance.pool == "solo":
        return "solo runs one task at a time"
    if spec.concurrency:
        return f"concurrency = {spec.concurrency} in the inventory"
    if cpu_slots <= memory_slots:
        return f"{cpu_why}; the memory would allow {memory_slots}"
    slot = f"{spec.app_memory_mb} + {spec.task_memory_mb}" if instance.forks else f"{spec.task_memory_mb}"
    memory_why = f"({high} - {spec.app_memory_mb} MB of the app) / ({slot} MB a slot)"
    return f"the memory allows {memory_slots}: {memory_why}; {cpu_why}: {cpu_slots}"


def _autoscale_why(instance: Instance, concurrency: int) -> str:
    """Say whether and how the concurrency moves."""
    if not instance.spec.autoscale:
        return "not asked for: a fixed concurrency is the calmer choice"
    if not instance.grows:
        return f"asked for, but {instance.pool} can neither grow nor shrink"
    if concurrency == instance.spec.min_concurrency:
        return f"asked for, but the host allows no more than min_concurrency = {concurrency}"
    return "asked for: from min_concurrency to what the host allows"


def _recycle_why(instance: Instance, high: int, concurrency: int) -> str:
    """Say when a child is replaced."""
    if not instance.forks:
        return f"{instance.pool} has no children"
    spec = instance.spec
    return (
        f"a child is replaced once it used more than ({high} - {spec.app_memory_mb}) / {concurrency} - "
        f"{spec.task_memory_mb} MB, but not for its largest task ({instance.slot_mb} MB)"
    )


def _stop_why(spec: QueueSpec) -> str:
    if spec.stop_within is None:
        return f"time_limit + {timers.STOP_MARGIN} s: the longest task ends before the stop"
    return f"stop_within + {timers.STOP_MARGIN} s: tasks that still run by then go back to their queue"
