# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host has, what it keeps for itself and its other roles, and how the rest is divided.

All arithmetic is exact (whole numbers and fractions): the order of queues cannot change a result, and one
more core or megabyte never gives an instance less.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

from ..inventory.problems import Problem
from .spec import whole

# A host keeps 256 MB, Debian's least for a system without a desktop (installation guide, 3.4), or a tenth:
# the page cache, the package manager and the play itself grow with the host.
LEAST_SYSTEM_MB = 256
SYSTEM_PART = Fraction(1, 10)


@dataclass(frozen=True)
class RolePart:
    """What a role beside workers may use: a part of the memory, between two bounds in MB, and whole cores."""

    part: Fraction
    least_mb: int
    most_mb: int
    cores: int = 0

    def exact_mb(self, host_mb: int) -> Fraction:
        """Return the role's memory on a host of that size."""
        return min(max(host_mb * self.part, Fraction(self.least_mb)), Fraction(self.most_mb))

    def memory_mb(self, host_mb: int) -> int:
        """Return the MemoryMax of the role's unit on a host of that size, in whole MB."""
        return math.floor(self.exact_mb(host_mb))


# Redis runs its commands on one thread: one core is its own. Beat loads the app; Flower keeps the last 10,000
# tasks.
ROLE_PARTS = {
    "broker": RolePart(Fraction(1, 8), 64, 8192, cores=1),
    "beat": RolePart(Fraction(1, 16), 128, 512),
    "flower": RolePart(Fraction(1, 16), 128, 512),
}


def role_memory(facts: Mapping[str, Any]) -> dict[str, int]:
    """Return the MB that the unit of each role may use on its host, so that unit and plan agree.

    :param facts: the host's, of host_facts or of Ansible's own; without them each gets its least.
    """
    memory = whole(facts.get("celeryops", {}).get("memory_mb") or facts.get("memtotal_mb")) or 0
    return {role: part.memory_mb(memory) for role, part in ROLE_PARTS.items()}


@dataclass(frozen=True)
class Host:
    """A host as the plan sees it: usable cores, memory in MB, and the roles it has beside its workers."""

    name: str
    cores: Fraction
    memory_mb: int
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reserve:
    """What the workers of a host leave alone, in all and by part; what remains for them."""

    memory_mb: int
    cores: Fraction
    parts: dict[str, int]
    why: str
    worker_memory_mb: int
    worker_cores: Fraction


def read_host(
    name: str, facts: Mapping[str, object], groups: Mapping[str, Sequence[str]]
) -> tuple[Host | None, list[Problem]]:
    """Return the host by its facts and groups, or None and why it is not known.

    The cores are those the workers may use (affinity and cgroup quota), as `host_facts` counts them; facts
    from elsewhere count all.
    """
    own = facts.get("celeryops")
    own = own if isinstance(own, Mapping) else {}
    cores = own.get("cores", facts.get("processor_nproc"))
    memory = whole(own.get("memory_mb", facts.get("memtotal_mb")))
    known = isinstance(cores, (int, float)) and not isinstance(cores, bool) and math.isfinite(cores)
    if not known or cores <= 0 or memory is None or memory <= 0:
        found = f"cores {cores}, memory_mb {memory}"
        fix = "run celeryops.systemd.host_facts (or gather hardware facts) before the plan"
        return None, [Problem("ansible_facts", found, "the host's cores and memory are not known", fix)]
    roles = tuple(role for role in ROLE_PARTS if name in (groups.get(f"celery_{role}") or []))
    return Host(name, Fraction(str(cores)), memory, roles), []


def reserve(host: Host, fixed: Mapping[str, int]) -> Reserve:
    """Return what the host keeps.

    :param fixed: MB that the operator names for `system`, `broker`, `beat` or `flower` instead of the
        default.
    """
    exact = {"system": max(Fraction(LEAST_SYSTEM_MB), host.memory_mb * SYSTEM_PART)}
    exact |= {role: ROLE_PARTS[role].exact_mb(host.memory_mb) for role in host.roles}
    exact |= {role: Fraction(fixed[role]) for role in exact if fixed.get(role)}
    # One rounding for the sum: rounding each part could give a larger host less for its workers.
    workers = max(math.floor(host.memory_mb - sum(exact.values())), 0)
    cores = sum(ROLE_PARTS[role].cores for role in host.roles)
    worker_cores = max(host.cores - cores, min(host.cores, Fraction(1)))
    parts = {role: math.floor(size) for role, size in exact.items()}
    why = ", ".join(f"{role} {size} MB" for role, size in parts.items())
    if cores:
        why += "; a core for the broker" if worker_cores < host.cores else "; no core to spare for the broker"
    return Reserve(
        memory_mb=host.memory_mb - workers,
        cores=host.cores - worker_cores,
        parts=parts,
        why=why,
        worker_memory_mb=workers,
        worker_cores=worker_cores,
    )


def shares(total: int, least: Mapping[str, int], weights: Mapping[str, int]) -> dict[str, int]:
    """Divide a total by weight, and give nobody less than its least. The sum of the least must fit the total.

    Weighted max-min fairness: who needs more than its share gets that, the others divide what remains.
    """
    pinned: set[str] = set()
    while True:
        free = total - sum(least[name] for name in pinned)
        weight = sum(weights[name] for name in least if name not in pinned)
        short = {name for name in least if name not in pinned and free * weights[name] < least[name] * weight}
        if not short:
            break
        pinned |= short
    return {name: least[name] if name in pinned else free * weights[name] // weight for name in least}


@dataclass(frozen=True)
class Demand:
    """What an instance asks of the CPU: slots between two bounds, how many a core feeds, and its weight."""

    least: int
    most: int | None
    per_core: Fraction
    weight: int


class _Ask(NamedTuple):
    """A demand in whole numbers: a slot's cost in parts of a core, and its price, the cost by weight."""

    name: str
    least: int
    most: int
    cost: int
    price: int


def slots(cores: Fraction, demands: Mapping[str, Demand]) -> dict[str, int]:
    """Hand out the cores' slots, one at a time, to whom has the fewest for its weight (D'Hondt's method).

    It begins with the least of each and ends when no core is idle and each has the slots that its part of the
    cores by weight feeds. Where no least is above that part, at most one slot is more than the cores feed.
    The order of the grants does not depend on the number of cores, so more cores only add to it.

    The n-th slot of an instance is granted at the level of n times its price. Bisection finds the level at
    which no core is idle, in steps of the lowest price, and only what is granted in the last step, one slot
    to each at most, is granted in turn: a large host takes no longer than a small one.
    """
    if not demands:
        return {}
    core = math.lcm(*(demand.per_core.numerator for demand in demands.values())) * cores.denominator
    room = int(cores * core)
    weights = math.lcm(*(demand.weight for demand in demands.values()))
    asks = _asks(demands, core, room, weights)
    step = min(ask.price for ask in asks)
    steps = 1 + max(ask.most * ask.price for ask in asks) // step

    def used(level: int) -> int:
        return sum(cost * max(least, min(level // price, most)) for _name, least, most, cost, price in asks)

    level = room * weights // sum(demand.weight for demand in demands.values())  # each has its part by weight
    if used(level) < room:
        first = level // step
        number = bisect_left(range(steps), room, lo=first + 1, key=lambda number: used(number * step)) - 1
        level = max(level, number * step)
    given = {ask.name: max(ask.least, min(level // ask.price, ask.most)) for ask in asks}
    room -= sum(given[ask.name] * ask.cost for ask in asks)
    unmet = (ask for ask in asks if given[ask.name] < ask.most)
    for ask in sorted(unmet, key=lambda ask: ((given[ask.name] + 1) * ask.price, ask.name)):
        if room <= 0:
            break
        given[ask.name] += 1
        room -= ask.cost
    return given


def _asks(demands: Mapping[str, Demand], core: int, room: int, weights: int) -> list[_Ask]:
    """Return the demands in units that make a core, and every cost and price, a whole number."""
    asks = []
    for name, demand in demands.items():
        cost = core // demand.per_core.numerator * demand.per_core.denominator
        # Without a bound of its own nobody is granted more than the slots that fill the host.
        most = max(demand.least, room // cost + 1) if demand.most is None else demand.most
        asks.append(_Ask(name, demand.least, most, cost, cost * (weights // demand.weight)))
    return asks
