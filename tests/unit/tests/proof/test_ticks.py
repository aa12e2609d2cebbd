"""The accounting of beat's ticks: it must see what is missing and what came twice."""

from __future__ import annotations

from collections.abc import Sequence

from proof.ticks import Account, Tick, account, parse


def ticks(*moments: float) -> list[Tick]:
    """Ticks of one sender at these times, each with an id of its own."""
    return [Tick(moment, "beat1", str(number)) for number, moment in enumerate(moments)]


def counted(found: Sequence[Tick]) -> tuple[int, int, int]:
    """Fired, missed and doubled."""
    figures = account(found, 5.0)
    return figures.fired, figures.missed, figures.doubled


def test_all_well() -> None:
    assert account(ticks(0.0, 5.25, 10.0), 5.0) == Account(3, 0, 0, 5.25)
    assert counted([]) == (0, 0, 0)


def test_a_gap_is_missed_ticks() -> None:
    assert counted(ticks(0.0, 5.0, 22.0, 27.0)) == (4, 2, 0)


def test_two_senders_of_one_tick() -> None:
    assert counted([*ticks(0.0, 5.0, 10.0), Tick(10.9, "beat2", "other")]) == (4, 0, 1)


def test_one_task_that_ran_twice() -> None:
    assert counted([Tick(0.0, "a", "x"), Tick(5.0, "a", "y"), Tick(10.0, "a", "y")]) == (3, 0, 1)


def test_lines_of_the_worker() -> None:
    assert parse("7.5 gen9@beat2 y\n2.5 gen1@beat1 x\n") == [Tick(2.5, "beat1", "x"), Tick(7.5, "beat2", "y")]
