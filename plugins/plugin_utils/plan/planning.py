# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The plan of a host: every instance with its numbers, within a budget that fits the host.

docs/explanation/plan.md says the same in words, with sources and a worked example.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypedDict

from .. import naming
from ..inventory.problems import PlanError, Problem, did_you_mean
from . import budget, spec
from .sizing import PREFORK_PER_CORE, SWAP_MB, Instance, InstancePlan, sized

DEFAULT_HARD = 300
# What a task has left to tidy up before it is killed, where only the hard limit is set.
SOFT_SHARE = Fraction(9, 10)
SOFT_VARIABLE, HARD_VARIABLE = "celery_app_task_soft_time_limit", "celery_app_task_time_limit"
RESERVE_VARIABLE = "celery_worker_reserve"
# gevent by name, or as an extra of another package: celery[redis,gevent].
GEVENT = re.compile(r"\s*(?:gevent\b(?![-.])|[\w.-]+\s*\[[^\]]*\bgevent\b[^\]]*\])", re.IGNORECASE)
QUEUE_TYPE_SETTINGS = ("task_default_queue_type", "task_create_missing_queue_type")
# Beat and Flower run in celery.slice beside the workers, with a few threads each.
SLICE_ROLES, TASKS_PER_ROLE = ("beat", "flower"), 64


class ReservePlan(TypedDict):
    """What the workers leave alone."""

    memory_mb: int
    cores: float
    parts: dict[str, int]
    why: str


class SlicePlan(TypedDict):
    """The bounds of celery.slice: the instances, and beat and Flower where they run."""

    memory_high_mb: int
    memory_max_mb: int
    memory_swap_max_mb: int
    tasks_max: int
    why: str


class HostPlan(TypedDict):
    """The plan of one host."""

    host: str
    cores: float
    memory_mb: int
    reserve: ReservePlan
    slice: SlicePlan
    instances: list[InstancePlan]
    warnings: list[str]


@dataclass(frozen=True)
class Defaults:
    """What the fleet's queues share.

    :param soft, hard: limits in seconds.
    :param reserve: what a host keeps, in MB (0: derived).
    :param io_pool: the pool that `auto` takes for tasks that wait.
    :param quorum: whether RabbitMQ's queues are quorum queues, as far as the inventory tells.
    """

    soft: int
    hard: int
    reserve: Mapping[str, int]
    io_pool: str = spec.IO_POOL
    quorum: bool = False


def default_soft(hard: int) -> int:
    """Return the soft limit in seconds that goes with a hard one, where the inventory sets no other."""
    return max(int(hard * SOFT_SHARE), 1)


def read_defaults(raw: Mapping[str, object]) -> tuple[Defaults, list[Problem]]:
    """Return the fleet's figures, and what is wrong with them."""
    problems: list[Problem] = []

    def number(variable: str, value: object, default: int, least: int) -> int:
        found = default if value is None else spec.whole(value)
        if found is None or found < least:
            fix = f"set it to {least} or more"
            problems.append(Problem(variable, value, "not a whole number in its range", fix))
            return default
        return found

    hard = number(HARD_VARIABLE, raw.get("time_limit"), DEFAULT_HARD, 2)
    soft = number(SOFT_VARIABLE, raw.get("soft_time_limit"), default_soft(hard), 1)
    kept = raw.get("reserve") or {}
    if not isinstance(kept, Mapping):
        problems.append(Problem(RESERVE_VARIABLE, kept, "not a mapping of MB", "write it as {system: 512}"))
        kept = {}
    known = ("system", *budget.ROLE_PARTS)
    problems += [
        Problem(f"{RESERVE_VARIABLE}.{part}", kept[part], "unknown part", did_you_mean(part, known))
        for part in kept
        if part not in known
    ]
    reserve = {part: number(f"{RESERVE_VARIABLE}.{part}", kept.get(part), 0, 0) for part in known}
    return Defaults(soft, hard, reserve, _io_pool(raw), _quorum(raw)), problems


def _io_pool(raw: Mapping[str, object]) -> str:
    """Return gevent where it is installed beside the app, else what every Python has."""
    packages = raw.get("packages") or ()
    listed = packages if isinstance(packages, Sequence) else ()
    return "gevent" if any(GEVENT.match(str(package)) for package in listed) else spec.IO_POOL


def _quorum(raw: Mapping[str, object]) -> bool:
    """Tell whether Celery's settings ask for quorum queues."""
    settings = raw.get("settings") or {}
    asked = settings if isinstance(settings, Mapping) else {}
    return any(asked.get(setting) == "quorum" for setting in QUEUE_TYPE_SETTINGS)


class Fleet:
    """The queues of a fleet, each read once, and the hosts that serve them."""

    def __init__(
        self,
        queues: Mapping[str, object],
        groups: Mapping[str, Sequence[str]],
        defaults: Mapping[str, object],
    ) -> None:
        """Read what is the same for every host; what is wrong with it is told by the hosts that it concerns.

        :param queues: `celery_worker_queues`.
        :param groups: Ansible's `groups`. defaults, each optional: `soft_time_limit`, `time_limit` (s),
            `reserve` ({system, broker, beat, flower}: MB, 0: derived), `packages` (`celery_app_packages`),
            `settings` (`celery_app_settings`).
        """
        self.queues, self.groups, self.defaults = queues, groups, defaults
        self.settings, self.problems = read_defaults(defaults)
        self._served: dict[str, list[str]] = {}
        for queue in sorted(queues, key=str):
            for host in dict.fromkeys(groups.get(naming.group_of(str(queue))) or ()):
                self._served.setdefault(host, []).append(queue)
        self._read: dict[str, tuple[list[Instance], list[Problem]]] = {}

    def instances(self, host: str) -> tuple[list[Instance], list[Problem]]:
        """Return the instances of a host by the groups it is in, by queue and pool, and what is wrong."""
        instances: list[Instance] = []
        problems: list[Problem] = []
        for queue in self._served.get(host, ()):
            if queue not in self._read:
                self._read[queue] = self._instances(queue)
            found, wrong = self._read[queue]
            instances += found
            problems += wrong
        return instances, problems

    def _instances(self, queue: str) -> tuple[list[Instance], list[Problem]]:
        known = self.settings
        read, wrong = spec.read(str(queue), self.queues[queue], known.soft, known.hard, known.io_pool)
        if read is None:
            return [], wrong
        numbers = range(1, 1 + (read.scale.max_instances if read.scale else 1))
        return [Instance(read, pool, number) for pool in read.pools for number in numbers], wrong

    def plan(self, host: str, facts: Mapping[str, object]) -> HostPlan:
        """Return the plan of a host with these facts (`ansible_facts`).

        Raises PlanError with every problem when a spec is wrong, the facts are missing or the host is too
        small.
        """
        known, problems = budget.read_host(host, facts, self.groups)
        instances, wrong = self.instances(host)
        problems += self.problems + wrong
        if known is None or problems:
            raise PlanError(host, problems)
        kept = budget.reserve(known, self.settings.reserve)
        problems = too_small(known, kept, instances)
        if problems:
            raise PlanError(host, problems)
        planned = _planned(known, kept, instances)
        return HostPlan(
            host=host,
            cores=float(known.cores),
            memory_mb=known.memory_mb,
            reserve=_reserve(kept),
            slice=_slice(kept, planned),
            instances=planned,
            warnings=[problem.text(host) for problem in _idle_autoscale(instances, planned, self.settings)],
        )


def worker_plan(
    queues: Mapping[str, object],
    host: str,
    groups: Mapping[str, Sequence[str]],
    facts: Mapping[str, object],
    defaults: Mapping[str, object],
) -> HostPlan:
    """Return the plan of one host; arguments and errors as for Fleet and Fleet.plan."""
    return Fleet(queues, groups, defaults).plan(host, facts)


def too_small(host: budget.Host, kept: budget.Reserve, instances: Sequence[Instance]) -> list[Problem]:
    """Return why the least that the instances ask for does not fit the host, with the shortfall."""
    problems = [problem for instance in instances for problem in _few_cores(host, instance)]
    room = kept.worker_memory_mb
    has = f"{host.name} has {room} MB of {host.memory_mb} for workers ({kept.why})"
    alone = [instance for instance in instances if instance.least_mb > room]
    for instance in alone:
        short = instance.least_mb - room
        what = f"{instance.name} needs {instance.least_mb} MB ({instance.least_why}), and {has}"
        fix = f"lower it, or serve the queue from a host with {host.memory_mb + 2 * short} MB or more"
        problems.append(_few_mb(instance, f"{what}: {short} MB short", fix))
    needed = sum(instance.least_mb for instance in instances)
    if needed > room and not alone:
        needs = ", ".join(f"{instance.name} {instance.least_mb} MB" for instance in instances)
        largest = max(instances, key=lambda instance: (instance.least_mb, instance.name))
        short = needed - room
        what = f"the host's instances need {needed} MB ({needs}), and {has}: {short} MB short"
        first = "lower it" if largest.least > 1 else "set it to what measure.yml tells"
        leave = f"take {host.name} out of {naming.group_of(largest.spec.queue)}"
        fix = f"{first}, {leave}, or use a host with {host.memory_mb + 2 * short} MB or more"
        if largest.spec.scale:
            fix += f", or lower {spec.VARIABLE}.{largest.spec.queue}.scale.max_instances"
        problems.append(_few_mb(largest, what, fix))
    return problems


def _few_cores(host: budget.Host, instance: Instance) -> list[Problem]:
    """Return why the host has too few cores for the processes that an instance is told to run."""
    if not instance.forks or instance.least == 1:
        return []
    per_core = max(instance.per_core, Fraction(PREFORK_PER_CORE))
    cores = host.cores if instance.most_cores is None else min(host.cores, instance.most_cores)
    fits = max(math.floor(cores * per_core), 1)
    if instance.least <= fits:
        return []
    short = math.ceil(instance.least / per_core - cores)
    what = f"{instance.least} processes of {instance.name} on {float(cores):g} cores, at most "
    what += f"{float(per_core):g} a core: {short} core{'s' if short > 1 else ''} short"
    fix = f"set it to {fits} or less, use pool threads, or serve the queue from more hosts"
    return [Problem(_least_variable(instance), instance.least, what, fix)]


def _few_mb(instance: Instance, what: str, fix: str) -> Problem:
    """Return the problem under the name of what makes the instance large."""
    if instance.least > 1:
        return Problem(_least_variable(instance), instance.least, what, fix)
    read = instance.spec
    app_is_larger = read.app_memory_mb > read.task_memory_mb
    key, size = ("app", read.app_memory_mb) if app_is_larger else ("task", read.task_memory_mb)
    return Problem(f"{spec.VARIABLE}.{read.queue}.{key}_memory_mb", size, what, fix)


def _least_variable(instance: Instance) -> str:
    key = "concurrency" if instance.spec.concurrency else "min_concurrency"
    return f"{spec.VARIABLE}.{instance.spec.queue}.{key}"


def _planned(host: budget.Host, kept: budget.Reserve, instances: Sequence[Instance]) -> list[InstancePlan]:
    """Return the instances with their numbers; they fit."""
    if not instances:
        return []
    slots = budget.slots(kept.worker_cores, {instance.name: instance.demand for instance in instances})
    memory = budget.shares(
        kept.worker_memory_mb,
        {instance.name: instance.least_mb for instance in instances},
        {instance.name: instance.weight for instance in instances},
    )
    cores, total = float(kept.worker_cores), sum(instance.weight for instance in instances)
    planned = []
    for instance in instances:
        fed = slots[instance.name]
        allowed = instance.staffed(fed)
        why = _cpu_why(instance, fed, allowed, cores, instance.weight / total)
        planned.append(sized(instance, host, allowed, why, memory[instance.name]))
    return planned


def _cpu_why(instance: Instance, fed: int, slots: int, cores: float, part: float) -> str:
    """Say what the CPU allows an instance that has this part of the cores, which feeds so many slots."""
    demand, per_core = instance.demand, instance.per_core
    why = f"{part:.0%} of {cores:g} cores by weight" if instance.forks else "one process feeds one core"
    why += f", {float(per_core):g} {'slot' if per_core == 1 else 'slots'} a core"
    highest = instance.spec.max_concurrency
    if slots == highest or (fed == demand.most and instance.forks):
        return f"{why}, at most {slots}"
    if fed == demand.least and slots == fed:
        return f"{why}, at least {slots}"
    more = slots - (fed if instance.forks else math.floor(per_core))
    return f"{why}, {more} more as they do not wait in turn" if more > 0 else why


def _idle_autoscale(
    instances: Sequence[Instance], planned: Sequence[InstancePlan], settings: Defaults
) -> list[Problem]:
    """Return where autoscale is asked for and moves nothing."""
    problems = []
    for instance, numbers in zip(instances, planned, strict=True):
        if not instance.spec.autoscale:
            continue
        fix = "remove it, or use scale"
        if numbers["autoscale"] is None:
            what = numbers["why"]["autoscale"]
        elif settings.quorum:
            what = "of no effect on quorum queues, where Celery cannot change what a worker prefetches"
        else:
            continue
        variable = f"{spec.VARIABLE}.{instance.spec.queue}.autoscale"
        problems.append(Problem(variable, True, f"{instance.name}: {what}", fix))
    return problems


def _reserve(kept: budget.Reserve) -> ReservePlan:
    return ReservePlan(memory_mb=kept.memory_mb, cores=float(kept.cores), parts=kept.parts, why=kept.why)


def _slice(kept: budget.Reserve, instances: Sequence[InstancePlan]) -> SlicePlan:
    """Return the bounds of all that runs in celery.slice."""
    beside = {role: kept.parts[role] for role in SLICE_ROLES if role in kept.parts}
    extra = sum(beside.values())
    tasks = sum(instance["tasks_max"] for instance in instances) + TASKS_PER_ROLE * len(beside)
    return SlicePlan(
        memory_high_mb=sum(instance["memory_high_mb"] for instance in instances) + extra,
        memory_max_mb=sum(instance["memory_max_mb"] for instance in instances) + extra,
        memory_swap_max_mb=SWAP_MB,
        tasks_max=max(tasks, 1),
        why="the sum of " + (", ".join([*(i["name"] for i in instances), *beside]) or "nothing"),
    )
