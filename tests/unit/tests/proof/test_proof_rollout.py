"""The table of what was done to a fleet under load, and the floor of a rolling restart."""

from __future__ import annotations

from typing import Any

import pytest
from benchmarks.rolling_restart import Restart, floor
from proof.rollout import gather, table


def record(what: str, **total: Any) -> dict[str, Any]:
    account = {"sent": 10, "done": 10, "failed": [], "lost": [], "twice": [], "longest_wait": 1.5}
    consumers = [{"queue": "mail", "first": 2, "fewest": 1}, {"queue": "once", "first": 1, "fewest": 0}]
    return {"what": what, "accounts": [account | total], "consumers": consumers}


def test_runs_of_the_same_are_added_up() -> None:
    rows = gather([record("a_drain"), record("a_drain", sent=5, done=5, longest_wait=2.0)])
    row = rows["a_drain"]
    assert (row.runs, row.sent, row.done, row.longest_wait, row.fewest) == (2, 15, 15, 2.0, 1)
    assert row.kept
    assert table(rows)[1].split() == ["a", "drain", "2", "15", "15", "0", "0", "2.0", "s", "1"]


@pytest.mark.parametrize("bad", [{"lost": ["a"]}, {"twice": ["a"]}, {"failed": ["a"]}, {"done": 9}])
def test_what_is_lost_or_twice_is_not_kept(bad: dict[str, Any]) -> None:
    assert not gather([record("a_drain", **bad)])["a_drain"].kept


def test_a_queue_left_alone_is_not_kept_unless_it_leaves() -> None:
    alone = [{"queue": "mail", "first": 2, "fewest": 0}]
    assert not gather([record("a_drain") | {"consumers": alone}])["a_drain"].kept
    assert gather([record("a_queue_leaves") | {"consumers": alone}])["a_queue_leaves"].kept


def test_the_floor_counts_each_batch_once() -> None:
    first = [Restart(0, 2, 2, 5), Restart(1, 2, 2, 3)]
    second = [Restart(6, 7, 8, 9)]
    assert floor([*second, *first]) == (5 + 2, 2)
