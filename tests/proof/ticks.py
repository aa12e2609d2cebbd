"""What a worker saw of beat's ticks: how many, how many are missing, and whether any came twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Tick:
    """One tick as the worker ran it: when, in seconds, which host's beat sent it, and its id."""

    at: float
    sender: str
    id: str


@dataclass(frozen=True)
class Account:
    """The figures of a run; ``longest`` is the longest time without a tick, in seconds."""

    fired: int
    missed: int
    doubled: int
    longest: float


def parse(text: str) -> list[Tick]:
    """Read the lines of tests/apps/ticker in the order of their times."""
    rows = [line.split() for line in text.splitlines()]
    return sorted((Tick(float(at), origin.partition("@")[2], name) for at, origin, name in rows), key=_time)


def account(ticks: Sequence[Tick], every: float) -> Account:
    """Count the ticks of a schedule that sends one each ``every`` seconds.

    Doubled is what ran more than once, and what came within half the interval of another: a schedule leaves a
    whole interval between two, whoever sends them.
    """
    pauses = [later.at - earlier.at for earlier, later in pairwise(ticks)]
    again = sum(number - 1 for number in Counter(tick.id for tick in ticks).values())
    close = sum(pause < every / 2 for pause in pauses)
    missed = sum(max(0, round(pause / every) - 1) for pause in pauses)
    return Account(len(ticks), missed, max(again, close), max(pauses, default=0.0))


def _time(tick: Tick) -> float:
    return tick.at
