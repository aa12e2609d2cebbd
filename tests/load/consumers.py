"""How many workers consumed each queue over time, as the journals of their hosts have it.

systemd writes there when a unit is ready (its worker consumes: Type=notify), when it is told to stop, and
when its process ends by itself. Nothing is sampled, so no gap is too short to be seen.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from load.remote import Hosts

PREFIX, SUFFIX = "celery-worker@", ".service"
# What follows the queue in an instance's name: its pool, and its number from the second on.
INSTANCE = re.compile(r"-[a-z]+(-\d+)?$")
# systemd.journal-fields(7), sd-messages.h: started; stopping, process exited, deactivated, failed.
UP = "39f53479d3a045ac8e11786248231fbf"
DOWN = (
    "de5b426a63be47a7b6ac3eaac82e2f6f",
    "98e322203f7a4ed290d09fe03c09fe15",
    "7ad2d189f7e94e70a38c781354912448",
    "d9b373ed55a64feb8242e02dbe79a49c",
)
MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Change:
    """At `time`, in seconds since the epoch, the `unit` of a `host` began to consume (`up`) or ended."""

    time: float
    host: str
    unit: str
    up: bool


@dataclass(frozen=True)
class Consumers:
    """The workers of a queue: how many at the beginning, and the fewest at any moment since."""

    queue: str
    first: int
    fewest: int


def queue_of(unit: str) -> str:
    """The queue in the name of a worker's unit."""
    return INSTANCE.sub("", unit.removeprefix(PREFIX).removesuffix(SUFFIX))


def consumers(first: Iterable[tuple[str, str]], changes: Iterable[Change]) -> list[Consumers]:
    """The workers of each queue over time.

    :param first: The host and unit of each worker that consumed at the beginning.
    :param changes: What became of them, in any order.
    """
    now = set(first)
    count: dict[str, int] = {}
    for _host, unit in now:
        count[queue_of(unit)] = count.get(queue_of(unit), 0) + 1
    begun, fewest = dict(count), dict(count)
    for change in sorted(changes, key=lambda change: change.time):
        worker, queue = (change.host, change.unit), queue_of(change.unit)
        if queue not in begun or change.up == (worker in now):
            continue
        now ^= {worker}
        count[queue] += 1 if change.up else -1
        fewest[queue] = min(fewest[queue], count[queue])
    return [Consumers(queue, begun[queue], fewest[queue]) for queue in sorted(begun)]


class Watch:
    """Remembers which workers consume now, to tell later what became of each queue."""

    def __init__(self, hosts: Hosts, workers: Sequence[str]) -> None:
        self._hosts, self._workers = hosts, workers
        self._since = time.time()
        self._first = [(host, unit) for host in workers for unit in self._active(host)]

    def _active(self, host: str) -> list[str]:
        command = ["systemctl", "list-units", "--state=active", "--plain", "--no-legend", f"{PREFIX}*"]
        return [line.split()[0] for line in self._hosts.run(host, command).splitlines()]

    def _changes(self, host: str) -> list[Change]:
        wanted = [f"MESSAGE_ID={message}" for message in (UP, *DOWN)]
        command = ["journalctl", "--output=json", "--no-pager", f"--since=@{self._since:.6f}", *wanted]
        entries = [json.loads(line) for line in self._hosts.run(host, command).splitlines()]
        return [
            Change(
                int(entry["__REALTIME_TIMESTAMP"]) / MICROSECONDS,
                host,
                entry["UNIT"],
                entry["MESSAGE_ID"] == UP,
            )
            for entry in entries
            if entry.get("UNIT", "").startswith(PREFIX)
        ]

    def report(self) -> list[Consumers]:
        """The workers of each queue that had any, up to now."""
        with ThreadPoolExecutor(len(self._workers)) as pool:
            return consumers(
                self._first, [one for many in pool.map(self._changes, self._workers) for one in many]
            )


def lines(found: Iterable[Consumers]) -> list[str]:
    """The report for a person."""
    rows = [f"{row.queue:<18} {row.first:7}  {row.fewest:6}" for row in found]
    return ["queue              workers  fewest", *rows]
