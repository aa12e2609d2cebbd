"""The account of a run: what was sent, what became of it, and whether anything was lost or run twice.

It rests on the sender's list and on the ledgers that the tasks write themselves. The result backend is not
asked: there, FAILURE and RETRY look like ends, and a task that ran twice looks like one that ran once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sent:
    """A task that the driver sent.

    :param id: Its id.
    :param queue: The queue it went to.
    :param time: When it could first run, in seconds since the epoch; None for a chord's last step, which
        waits for the others.
    :param attempts: How many times it was handed to the broker. More than 1 when the broker did not confirm.
    :param ack: `late`, after it ran, or `early`, before.
    """

    id: str
    queue: str
    time: float | None
    attempts: int = 1
    ack: str = "late"

    @property
    def row(self) -> str:
        """The row of the report that it counts in."""
        return self.queue if self.ack == "late" else f"{self.queue}, {self.ack}"


@dataclass(frozen=True)
class Event:
    """A line of a ledger: `event` (start, end or fail) of the task `id` at `time` seconds since the epoch."""

    event: str
    id: str
    time: float


@dataclass(frozen=True)
class Account:
    """What became of the tasks of one queue that are acknowledged alike, or of all of them.

    :param queue: The queue, with `, early` where its tasks are acknowledged early; or "all".
    :param sent: How many tasks were sent.
    :param done: How many of them ended well at least once.
    :param running: How many have started and neither ended nor failed yet.
    :param failed: Ids of tasks that started, raised, and never ended well.
    :param lost: Ids of tasks that never ended in any way, those that run still among them.
    :param twice: Ids of tasks that started more often than they were sent.
    :param longest_wait: Seconds between sending and the first start, of the task that waited longest.
    """

    queue: str
    sent: int
    done: int
    running: int
    failed: tuple[str, ...]
    lost: tuple[str, ...]
    twice: tuple[str, ...]
    longest_wait: float

    @property
    def complete(self) -> bool:
        """Whether every task ended, well or not."""
        return not self.lost

    @property
    def clean(self) -> bool:
        """Whether every task ended well, and none was run twice."""
        return not (self.lost or self.failed or self.twice)


def account(sent: Sequence[Sent], events: Iterable[Event]) -> list[Account]:
    """Return the account of each queue and way to acknowledge in the order of first use, and last of all.

    Events of ids that were not sent belong to someone else (beat, an earlier run) and do not count.

    :raises ValueError: An id was sent as two tasks, so that nothing could be said about either.
    """
    doubled = [task for task, count in Counter(task.id for task in sent).items() if count > 1]
    if doubled:
        raise ValueError(f"these ids were sent as two tasks: {', '.join(sorted(doubled))}")

    first_start: dict[str, float] = {}
    seen: dict[str, Counter[str]] = {task.id: Counter() for task in sent}
    for event in events:
        if event.id in seen:
            seen[event.id][event.event] += 1
            if event.event == "start":
                first_start[event.id] = min(event.time, first_start.get(event.id, event.time))

    def one(queue: str, tasks: Sequence[Sent]) -> Account:
        counts = [(task, seen[task.id]) for task in tasks]
        unended = [(task, count) for task, count in counts if not count["end"]]
        return Account(
            queue=queue,
            sent=len(tasks),
            done=len(tasks) - len(unended),
            running=sum(1 for _task, count in unended if count["start"] > count["fail"]),
            failed=tuple(task.id for task, count in unended if count["fail"]),
            lost=tuple(task.id for task, count in unended if not count["fail"]),
            twice=tuple(task.id for task, count in counts if count["start"] > task.attempts),
            longest_wait=max(
                (first_start[task.id] - task.time for task in tasks if task.time and task.id in first_start),
                default=0.0,
            ),
        )

    queues: dict[str, list[Sent]] = {}
    for task in sent:
        queues.setdefault(task.row, []).append(task)
    return [*(one(queue, tasks) for queue, tasks in queues.items()), one("all", sent)]
