"""No moment in which a queue had nobody is missed."""

from __future__ import annotations

import pytest
from load.consumers import Change, Consumers, consumers, queue_of

MAIL, PICTURES = "celery-worker@mail-prefork.service", "celery-worker@big-pictures-threads.service"
TWO = [("a", MAIL), ("b", MAIL)]


def change(time: float, word: str) -> Change:
    host, what = word.split()
    return Change(time, host, MAIL, what == "up")


@pytest.mark.parametrize(
    ("words", "fewest"),
    [
        ([], 2),
        (["a down", "a up", "b down", "b up"], 1),
        (["a down", "b down", "a up", "b up"], 0),
        (["a down", "a down", "b up"], 1),
        (["a down", "c up", "b down"], 1),
    ],
)
def test_the_fewest_at_any_moment(words: list[str], fewest: int) -> None:
    changes = [change(number, word) for number, word in enumerate(words)]
    assert consumers(TWO, changes) == [Consumers("mail", 2, fewest)]
    assert consumers(TWO, changes[::-1]) == [Consumers("mail", 2, fewest)]


def test_queues_are_counted_apart_and_those_that_come_later_not_at_all() -> None:
    found = consumers(
        [("a", MAIL), ("a", PICTURES)],
        [Change(1, "a", PICTURES, False), Change(2, "a", "celery-worker@new-solo.service", True)],
    )
    assert found == [Consumers("big-pictures", 1, 0), Consumers("mail", 1, 1)]
    assert queue_of(PICTURES) == "big-pictures"
    assert queue_of("celery-worker@big-pictures-threads-2.service") == "big-pictures"
