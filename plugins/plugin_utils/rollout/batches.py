# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which workers may stop at the same time, so that no queue is left alone.

A queue's capacity is the sum of the slots of the workers that consume it now. Workers may stop together when
every queue keeps at least one consumer, and the share of its capacity that the operator names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# Shares come as decimal fractions: 0.7 of 10 slots is 7 slots.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Worker:
    """A worker of the fleet.

    :param queues: those that it consumes now; none when it is failed or still starting, and is missed by
        nobody.
    :param slots: its concurrency, at least 1.
    """

    host: str
    name: str
    queues: frozenset[str] = frozenset()
    slots: int = 1


@dataclass(frozen=True)
class Shortage:
    """A queue that has too little while some workers stop.

    :param left: the share of its capacity that stays, from 0 to 1.
    """

    queue: str
    left: float


class Fleet:
    """The capacity of every queue.

    :param workers: all that there are, those that never stop too.
    :param share: the share of each queue's capacity that has to stay, from 0 to 1.
    """

    def __init__(self, workers: Iterable[Worker], share: float) -> None:
        self._share = share
        self._slots = _slots(workers)

    def left(self, queue: str, stopped: Iterable[Worker]) -> float:
        """Return the share of a queue's capacity that stays; 0 when nobody consumes it any more."""
        return 1 - _slots(stopped)[queue] / self._slots[queue]

    def enough(self, left: float) -> bool:
        """Tell whether a share of a queue's capacity will do."""
        return left > ROUNDING and left >= self._share - ROUNDING

    def shortages(self, stopped: Sequence[Worker]) -> list[Shortage]:
        """Return the queues that have too little while ``stopped`` stop, by name."""
        queues = sorted(frozenset().union(*(worker.queues for worker in stopped)))
        left = {queue: self.left(queue, stopped) for queue in queues}
        return [Shortage(queue, share) for queue, share in left.items() if not self.enough(share)]

    def takes(self, batch: Sequence[Worker], worker: Worker) -> bool:
        """Tell whether a worker may stop with a batch.

        That a queue has too little whenever this worker stops is no reason against the first of its workers.
        """
        shared = [queue for queue in worker.queues if any(queue in other.queues for other in batch)]
        return all(self.enough(self.left(queue, [*batch, worker])) for queue in shared)


def _slots(workers: Iterable[Worker]) -> Counter[str]:
    slots: Counter[str] = Counter()
    for worker in workers:
        slots.update(dict.fromkeys(worker.queues, worker.slots))
    return slots


def batches(moving: Iterable[Worker], fleet: Fleet) -> list[list[Worker]]:
    """Return the workers that have to stop, each in one batch, in as few batches as two simple orders find.

    First those that leave every queue enough, host by host where that takes no more batches; last those that
    cannot, apart from the others. The same workers give the same batches, in whatever order they come.

    With a share of 0 each of the two kinds takes at most one batch more than a worker has queues: a batch
    refuses a worker only for a queue all of whose other consumers are in it, so in no other batch.
    """
    workers = sorted(moving, key=lambda worker: (worker.host, worker.name))
    short = [worker for worker in workers if fleet.shortages([worker])]
    return _fewest([worker for worker in workers if worker not in short], fleet) + _fewest(short, fleet)


def _fewest(workers: Sequence[Worker], fleet: Fleet) -> list[list[Worker]]:
    def missed(worker: Worker) -> float:
        """What is left of the queue that misses the worker most: those are the hardest to place."""
        return min((fleet.left(queue, [worker]) for queue in worker.queues), default=1.0)

    orders = (workers, sorted(workers, key=missed))
    return min((_first_fit(order, fleet) for order in orders), key=len)


def _first_fit(workers: Iterable[Worker], fleet: Fleet) -> list[list[Worker]]:
    found: list[list[Worker]] = []
    for worker in workers:
        place = next((batch for batch in found if fleet.takes(batch, worker)), None)
        if place is None:
            found.append([worker])
        else:
            place.append(worker)
    return [sorted(batch, key=lambda worker: (worker.host, worker.name)) for batch in found]
