# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the broker may use of the memory and the disk of its host."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..inventory.problems import Problem
from ..plan import budget, spec
from . import rabbitmq, sentinel
from .address import GROUP, shares_host

REDIS_DATA = "/var/lib/redis"

# Of a host of its own the broker may use this much; beside others, what the plan of the workers leaves it.
DEDICATED_SHARE = Fraction(3, 4)
# Redis itself, its clients' buffers and the AOF's.
REDIS_OWN_MB = 32
LEAST_MAXMEMORY_MB = 16
# A client at rest costs some 20 KB; all of them may use a quarter of the memory for data. Never fewer than
# Redis itself lets in, and no more than the unit has files for.
CLIENT_KB, CLIENTS_SHARE = 20, 4
LEAST_CLIENTS, MOST_CLIENTS = 10_000, 65_000
# The data, as much again of what was written since, and a new base while the old one is there.
AOF_COPIES = 3


def unit_limit(memory_mb: int, shared: bool, memory_max_mb: int = 0) -> tuple[int, str]:
    """Return what the broker's unit may use of its host in MB, and why; as for `memory_limits`."""
    if memory_max_mb:
        return memory_max_mb, f"broker_memory_max_mb = {memory_max_mb}"
    if shared:
        part = budget.ROLE_PARTS["broker"].memory_mb(memory_mb)
        return part, f"{part} of {memory_mb} MB, for it shares the host"
    part = int(memory_mb * DEDICATED_SHARE)
    return part, f"{part} of {memory_mb} MB, for the host is its own"


@dataclass(frozen=True)
class MemoryLimits:
    """What Redis may hold (``maxmemory_mb``), what its unit may use (``memory_max_mb``), and why.

    :param clients: How many clients may be connected; what they cost counts as data.
    :param disk_mb: What the append-only file may come to need.
    """

    maxmemory_mb: int
    memory_max_mb: int
    why: str
    clients: int
    disk_mb: int


def memory_limits(
    memory_mb: int, shared: bool, memory_max_mb: int = 0, maxmemory_mb: int = 0, beside_mb: int = 0
) -> MemoryLimits:
    """Return the memory limits of a Redis broker.

    The unit's limit is twice the data and a little: while Redis rewrites its AOF, a forked child may come to
    hold a second copy of every page (redis.io, "Redis administration": memory usage under heavy writes).

    :param memory_mb: Memory of the host.
    :param shared: Whether workers, beat or Flower run on the host too.
    :param memory_max_mb: The unit's limit; 0 derives it from the host.
    :param maxmemory_mb: What Redis may hold; 0 derives it from the unit's limit.
    :param beside_mb: What of it another unit of the broker may use, a Sentinel.
    :raises ValueError: What Redis may hold does not fit the unit's limit.
    """
    memory_max_mb, why = unit_limit(memory_mb, shared, memory_max_mb)
    memory_max_mb -= beside_mb
    why += f", less {beside_mb} MB for Sentinel" if beside_mb else ""
    held = maxmemory_mb or (memory_max_mb - REDIS_OWN_MB) // 2
    needed = 2 * max(held, LEAST_MAXMEMORY_MB) + REDIS_OWN_MB
    if held < LEAST_MAXMEMORY_MB or needed > memory_max_mb:
        raise ValueError(f"it needs {needed} MB (2 x maxmemory + {REDIS_OWN_MB} MB) and may use {why}")
    clients = min(max(held * 1024 // (CLIENTS_SHARE * CLIENT_KB), LEAST_CLIENTS), MOST_CLIENTS)
    return MemoryLimits(held, memory_max_mb, why, clients, held * AOF_COPIES)


def host_memory_mb(facts: Mapping[str, Any]) -> int:
    """Return the memory that the host may use, from ``host_facts`` or Ansible's own facts."""
    return int(facts.get("celeryops", {}).get("memory_mb") or facts.get("memtotal_mb") or 0)


def host_room_mb(facts: Mapping[str, Any], kind: str) -> int | None:
    """Return the MB to which the data of a broker of this type may grow; None without ``host_facts``."""
    rooms = facts.get("celeryops", {}).get("state_room_mb", {})
    return spec.whole(rooms.get(rabbitmq.DATA if kind == "rabbitmq" else REDIS_DATA))


def sentinel_mb(groups: Mapping[str, Sequence[str]]) -> int:
    """Return what a Sentinel beside each Redis may use; 0 where there is one Redis."""
    return sentinel.MEMORY_MB if len(groups.get(GROUP, ())) > 1 else 0


def redis_problems(
    groups: Mapping[str, Sequence[str]],
    host: str,
    memory_mb: int,
    room_mb: int | None,
    memory_max_mb: int,
    maxmemory_mb: int,
) -> list[Problem]:
    """Return why a Redis does not fit its host; as for ``memory_limits`` and ``problems.broker_problems``."""
    shared, beside_mb = shares_host(groups, host), sentinel_mb(groups)
    try:
        limits = memory_limits(memory_mb, shared, memory_max_mb, maxmemory_mb, beside_mb)
    except ValueError as error:
        fix = "lower it, raise broker_memory_max_mb, or give the broker a larger host"
        return [Problem("broker_maxmemory_mb", maxmemory_mb, str(error), fix)]
    if room_mb is None or room_mb >= limits.disk_mb:
        return []
    what = (
        f"its append-only file may need {limits.disk_mb} MB ({AOF_COPIES} x {limits.maxmemory_mb}), and "
        f"{REDIS_DATA} has room for {room_mb}"
    )
    fix = f"set it to {room_mb // AOF_COPIES} or less, or give {REDIS_DATA} a larger disk"
    return [Problem("broker_maxmemory_mb", maxmemory_mb, what, fix)]


def rabbitmq_problems(
    groups: Mapping[str, Sequence[str]], host: str, memory_mb: int, room_mb: int | None, memory_max_mb: int
) -> list[Problem]:
    """Return why a RabbitMQ does not fit its host; as for ``unit_limit`` and ``problems.broker_problems``."""
    limit, why = unit_limit(memory_mb, shares_host(groups, host), memory_max_mb)
    found = []
    if limit < rabbitmq.LEAST_MEMORY_MB:
        what = f"RabbitMQ needs {rabbitmq.LEAST_MEMORY_MB} MB and may use {why}"
        fix = f"set celery_worker_reserve: {{broker: {rabbitmq.LEAST_MEMORY_MB}}}, or give it a larger host"
        found.append(Problem("broker_memory_max_mb", memory_max_mb, what, fix))
    free = rabbitmq.Limits(limit).disk_free_mb
    if room_mb is not None and room_mb < 2 * free:
        what = f"it takes nothing with less than {free} MB free, and {rabbitmq.DATA} has room for {room_mb}"
        fix = f"give {rabbitmq.DATA} a larger disk, or RabbitMQ less memory"
        found.append(Problem("broker_memory_max_mb", memory_max_mb, what, fix))
    return found
