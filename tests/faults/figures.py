"""What a fault did to the fleet and its tasks, from ledgers and units, and whether that was promised."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from load.accounting import Account, Sent

#: How tasks are acknowledged; the rows of the account of the second end so.
EARLY = ", early"


@dataclass(frozen=True)
class Start:
    """A run of the task `id` began at `time` on an instance, named by its host and name."""

    id: str
    time: float
    instance: tuple[str, str]


@dataclass(frozen=True)
class Promise:
    """What is promised of a fault on a broker.

    :param lost: Whether tasks that are acknowledged late may be lost, and why; empty where none may.
    :param early: The same of tasks that are acknowledged early.
    :param twice: How many tasks that are acknowledged late may run twice.
    :param hand: Whether it needs a hand.
    """

    lost: str = ""
    early: str = ""
    twice: int = 0
    hand: bool = False


@dataclass(frozen=True)
class Figures:
    """What a run showed.

    :param lost: Tasks acknowledged late that never ended; `early_lost` those acknowledged early.
    :param twice: Tasks acknowledged late that ran twice; `early_twice` those acknowledged early.
    :param resumed: Seconds from the fault's end until the last instance ran a task that was sent since.
    :param restarts: How often systemd restarted a worker by itself.
    :param hand: What a hand had to do; empty for nothing.
    """

    sent: int
    done: int
    lost: int
    early_lost: int
    twice: int
    early_twice: int
    resumed: float
    restarts: int
    hand: str

    def broken(self, promise: Promise) -> list[str]:
        """What it shows that was not to happen."""
        found = []
        if self.lost and not promise.lost:
            found.append(f"{self.lost} lost")
        if self.early_lost and not promise.early:
            found.append(f"{self.early_lost} lost that are acknowledged early")
        if self.twice > promise.twice:
            found.append(f"{self.twice} run twice, more than {promise.twice}")
        if self.early_twice:
            found.append(f"{self.early_twice} run twice that are acknowledged early")
        if self.hand and not promise.hand:
            found.append(f"a hand was needed: {self.hand}")
        return found


def figures(accounts: Sequence[Account], resumed: float, restarts: int, hand: str) -> Figures:
    """The figures of a run from its accounts; a task that failed did not end well, and counts as lost."""

    def count(rows: Iterable[Account]) -> tuple[int, int]:
        rows = list(rows)
        return sum(len(row.lost) + len(row.failed) for row in rows), sum(len(row.twice) for row in rows)

    *rows, total = accounts
    lost, twice = count(row for row in rows if not row.queue.endswith(EARLY))
    early_lost, early_twice = count(row for row in rows if row.queue.endswith(EARLY))
    return Figures(
        total.sent, total.done, lost, early_lost, twice, early_twice, resumed, restarts, hand,
    )  # fmt: skip


def resumed(
    sent: Iterable[Sent], starts: Iterable[Start], since: float, instances: Collection[tuple[str, str]]
) -> dict[tuple[str, str], float]:
    """Seconds after `since` until each instance ran a task that was sent since, for those that did.

    What an instance had fetched before proves nothing: it would run it without consuming.
    """
    fresh = {task.id for task in sent if task.time is not None and task.time >= since}
    first: dict[tuple[str, str], float] = {}
    for start in starts:
        if start.id in fresh and start.instance in instances:
            first[start.instance] = min(start.time - since, first.get(start.instance, start.time - since))
    return first


def restarts(before: Mapping[str, int], after: Mapping[str, int]) -> int:
    """How often systemd restarted units, by their counters; one that was started anew counts from nothing."""
    return sum(
        count - before.get(unit, 0) if count >= before.get(unit, 0) else count
        for unit, count in after.items()
    )
