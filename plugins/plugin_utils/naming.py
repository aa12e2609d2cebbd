# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How queues, instances, units, groups and nodes are named. Every name is built and read here only."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ansible_collections.celeryops.systemd.plugins.module_utils import layout

GROUP_PREFIX = "celery_queue_"
POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")

# A queue's name becomes part of a unit's and a file's name; systemd takes 255 characters in all.
LONGEST_QUEUE = 100
_QUEUE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_INSTANCE = re.compile(rf"(.+)-({'|'.join(POOLS)})(?:-([2-9]|[1-9][0-9]+))?")
# `celery worker --queues` splits at commas, and systemd expands or unquotes the others.
_CONSUMED = re.compile(r"[^\s,\"'\\$%]+")


def is_queue_name(name: object) -> bool:
    """Tell whether a queue of the inventory may have this name: letters, digits, `_`, `.` and `-`."""
    return isinstance(name, str) and len(name) <= LONGEST_QUEUE and _QUEUE.fullmatch(name) is not None


def is_consumed_name(name: object) -> bool:
    """Tell whether the broker's name of a queue can be handed to a worker."""
    return isinstance(name, str) and _CONSUMED.fullmatch(name) is not None


def group_of(queue: str) -> str:
    """Return the inventory group whose hosts serve the queue."""
    return GROUP_PREFIX + re.sub(r"[^A-Za-z0-9_]", "_", queue)


def instance_of(queue: str, pool: str, number: int = 1) -> str:
    """Return the instance's name: `<queue>-<pool>`, with a number from the second on a host on."""
    return f"{queue}-{pool}" if number == 1 else f"{queue}-{pool}-{number}"


def split_instance(instance: str) -> tuple[str, str, int]:
    """Return the queue, the pool and the number of an instance; no pool is a number or has a dash.

    Raises ValueError when the name is no instance's.
    """
    match = _INSTANCE.fullmatch(instance)
    if not match or not is_queue_name(match[1]):
        raise ValueError(f"{instance} is not <queue>-<pool> or <queue>-<pool>-<number>")
    return match[1], match[2], int(match[3] or 1)


def unit_of(instance: str) -> str:
    """Return the instance's unit."""
    return layout.unit_of(instance)


def node_of(instance: str, host: str) -> str:
    """Return the node name by which Celery knows the instance."""
    return f"{instance}@{host}"


def collisions(queues: Iterable[str]) -> list[list[str]]:
    """Return the sets of queues that fall on one group, each sorted."""
    by_group: dict[str, list[str]] = {}
    for queue in queues:
        by_group.setdefault(group_of(queue), []).append(queue)
    return sorted(sorted(names) for names in by_group.values() if len(names) > 1)
