"""The figures of a fault: lost tasks are told apart by how they are acknowledged, and nothing is forgiven."""

from __future__ import annotations

from dataclasses import replace

import pytest
from faults.figures import Figures, Promise, Start, figures, restarts, resumed
from load.accounting import Event, Sent, account

GOOD = Figures(
    sent=10, done=10, lost=0, early_lost=0, twice=0, early_twice=0, resumed=1.0, restarts=0, hand="",
)  # fmt: skip
HERE, THERE = ("worker1", "mail-gevent"), ("worker2", "mail-gevent")


def test_what_is_acknowledged_early_is_counted_apart() -> None:
    sent = [
        Sent("gone", "mail", 1.0),
        Sent("failed", "mail", 1.0),
        Sent("early", "mail", 1.0, ack="early"),
        Sent("again", "mail", 1.0),
    ]
    events = [
        Event("start", "failed", 2.0), Event("fail", "failed", 3.0), Event("start", "early", 2.0),
        Event("start", "again", 2.0), Event("start", "again", 9.0), Event("end", "again", 9.5),
    ]  # fmt: skip
    found = figures(account(sent, events), 4.0, 2, "")
    assert (found.sent, found.done) == (4, 1)
    assert (found.lost, found.early_lost) == (2, 1)
    assert (found.twice, found.early_twice) == (1, 0)


@pytest.mark.parametrize(
    ("found", "allowed", "says"),
    [
        (replace(GOOD, lost=2), Promise(lost="its broker pops to nobody"), "2 lost"),
        (replace(GOOD, early_lost=1), Promise(early="it ran"), "1 lost that are acknowledged early"),
        (replace(GOOD, twice=3), Promise(twice=3), "3 run twice, more than 0"),
        (replace(GOOD, hand="make room"), Promise(hand=True), "a hand was needed: make room"),
    ],
)
def test_what_was_not_promised_is_broken(found: Figures, allowed: Promise, says: str) -> None:
    assert found.broken(Promise()) == [says]
    assert found.broken(allowed) == []


def test_nothing_allows_a_task_that_is_acknowledged_early_to_run_twice() -> None:
    lax = Promise(lost="any", early="any", twice=99, hand=True)
    assert replace(GOOD, early_twice=1).broken(lax) == ["1 run twice that are acknowledged early"]


def test_a_worker_is_back_with_a_task_that_was_sent_since() -> None:
    sent = [Sent("old", "mail", 9.0), Sent("body", "mail", None), Sent("new", "mail", 11.0)]
    starts = [Start("old", 12.0, HERE), Start("body", 12.0, HERE), Start("new", 13.0, THERE)]
    assert resumed(sent, starts, 10.0, {HERE, THERE}) == {THERE: 3.0}


def test_the_first_new_task_counts() -> None:
    sent = [Sent("a", "mail", 11.0), Sent("b", "mail", 11.0)]
    starts = [Start("a", 15.0, HERE), Start("b", 12.0, HERE), Start("a", 11.5, ("elsewhere", "mail"))]
    assert resumed(sent, starts, 10.0, {HERE}) == {HERE: 2.0}


def test_restarts_of_a_unit_that_was_started_anew_count_from_nothing() -> None:
    assert restarts({"a": 3, "b": 1, "c": 5}, {"a": 5, "b": 1, "c": 1, "d": 2}) == 2 + 0 + 1 + 2
