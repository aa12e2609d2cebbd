# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The RabbitMQ of a fleet: its variables, its URL, and what it may use.

Found with celery 5.7, kombu 5.7 and RabbitMQ 3.10 and 4.0. Sources: rabbitmq.com, "Quorum Queues", "Memory
Alarms", "Clustering".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ..inventory.problems import Problem
from ..plan import spec

WORKER, MONITOR = "celery", "celery-monitor"
VHOST = "celery"
DATA = "/var/lib/rabbitmq"
# The exchange and the queue of what could not be delivered.
DEAD = "dead-letters"
DELIVERY_LIMIT = 20
LEAST_CLUSTER = 3

# The Erlang VM with the management plugin takes some 150 MB at rest, and may double what it holds while it
# tidies up: "Memory Alarms" says at most 0.7 of what is there.
LEAST_MEMORY_MB = 256
WATERMARK_PERCENT = 60
# Quorum queues keep in memory what their log holds: "Quorum Queues", resource use.
LEAST_WAL_MB, MOST_WAL_MB, WAL_SHARE = 16, 512, 8


@dataclass(frozen=True)
class Asked:
    """The variables ``broker_rabbitmq_<field>``.

    :param consumer_timeout: seconds, that of the inventory or the one that agrees with the time limits.
    """

    vhost: str = VHOST
    cookie: str = ""
    queue_type: str = "quorum"
    delivery_limit: int = DELIVERY_LIMIT
    consumer_timeout: int = 0
    users: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def read(raw: Mapping[str, Any]) -> tuple[Asked, list[Problem]]:
    """Return the role's variables, and which of them are no numbers."""
    numbers = {name: spec.whole(raw[name]) for name in ("delivery_limit", "consumer_timeout") if name in raw}
    wrong = [name for name, number in numbers.items() if number is None or number < 1]
    good: dict[str, Any] = {**raw, **numbers}
    return Asked(**{name: value for name, value in good.items() if name not in wrong}), [
        Problem(f"broker_rabbitmq_{name}", raw[name], "not a whole number of at least 1", "set one")
        for name in wrong
    ]


@dataclass(frozen=True)
class Limits:
    """What a RabbitMQ may use, in MB, by what its unit may use."""

    memory_max_mb: int

    @property
    def watermark_mb(self) -> int:
        """Above this it takes no more messages until consumers have taken some."""
        return self.memory_max_mb * WATERMARK_PERCENT // 100

    @property
    def wal_mb(self) -> int:
        """The log of all quorum queues, before it is written to each queue's own."""
        return min(max(self.memory_max_mb // WAL_SHARE, LEAST_WAL_MB), MOST_WAL_MB)

    @property
    def disk_free_mb(self) -> int:
        """Below this much free disk it takes no more messages: what is in memory has to fit there."""
        return self.memory_max_mb


def url(places: Sequence[str], port: int, vhost: str, tls: bool = False) -> str:
    """Return the URL of the nodes without a login, as Celery takes it; the vhost may hold any character."""
    scheme = "amqps" if tls else "amqp"
    return ";".join(
        f"{scheme}://{f'[{place}]' if ':' in place else place}:{port}/{quote(vhost, safe='')}"
        for place in places
    )


def in_turn(places: Sequence[str], host: str, hosts: Iterable[str]) -> list[str]:
    """Return the places, another one first for each host, so that every node has its share of them."""
    ordered = sorted(hosts)
    first = ordered.index(host) % len(places) if host in ordered else 0
    return [*places[first:], *places[:first]]


def is_long(places: Iterable[str]) -> bool:
    """Tell whether the nodes go by names with a dot in them, which Erlang has to be told."""
    return any("." in place for place in places)
