"""The account of a run: nothing lost is hidden, nothing doubled is missed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from load.accounting import Account, Event, Sent, account
from load.driver import parse


def total(sent: list[Sent], events: list[Event]) -> Account:
    return account(sent, events)[-1]


def ran(task_id: str, start: float, end: float) -> list[Event]:
    return [Event("start", task_id, start), Event("end", task_id, end)]


def test_a_clean_run_is_complete() -> None:
    sent = [Sent("a", "mail", 10.0), Sent("b", "images", 10.0)]
    mail, images, everything = account(sent, ran("a", 11, 12) + ran("b", 14, 15))
    assert (mail.queue, mail.done, mail.longest_wait) == ("mail", 1, 1.0)
    assert (images.queue, images.done, images.longest_wait) == ("images", 1, 4.0)
    assert everything.clean
    assert everything.sent == 2


def test_a_task_that_never_started_is_lost() -> None:
    found = total([Sent("a", "mail", 10.0)], [])
    assert found.lost == ("a",)
    assert not found.complete


def test_a_task_that_started_and_vanished_is_lost_and_counted_as_running() -> None:
    found = total([Sent("a", "mail", 10.0)], [Event("start", "a", 11.0)])
    assert found.lost == ("a",)
    assert found.running == 1


def test_a_task_that_raised_has_failed_but_is_not_lost() -> None:
    found = total([Sent("a", "mail", 10.0)], [Event("start", "a", 11.0), Event("fail", "a", 12.0)])
    assert (found.failed, found.lost, found.running) == (("a",), (), 0)
    assert found.complete
    assert not found.clean


def test_a_task_started_twice_is_told_even_when_it_ended_once() -> None:
    found = total([Sent("a", "mail", 10.0)], [Event("start", "a", 11.0), *ran("a", 12, 13)])
    assert found.twice == ("a",)
    assert found.done == 1
    assert found.longest_wait == 1.0


def test_a_task_that_was_sent_twice_may_run_twice() -> None:
    assert total([Sent("a", "mail", 10.0, attempts=2)], ran("a", 11, 12) + ran("a", 13, 14)).clean


def test_events_of_other_runs_do_not_count() -> None:
    found = total([Sent("a", "mail", 10.0)], ran("a", 11, 12) + ran("z", 1, 2) + ran("z", 1, 2))
    assert found.clean
    assert found.sent == 1


def test_a_chords_last_step_has_no_wait() -> None:
    assert total([Sent("a", "mail", None)], ran("a", 99, 100)).longest_wait == 0.0


def test_an_id_that_was_sent_as_two_tasks_is_refused() -> None:
    with pytest.raises(ValueError, match="sent as two tasks: a"):
        account([Sent("a", "mail", 1.0), Sent("a", "images", 1.0)], [])


@given(
    starts=st.lists(st.integers(0, 3), min_size=1, max_size=30),
    ends=st.lists(st.integers(0, 3), min_size=30, max_size=30),
)
def test_every_task_is_either_done_failed_or_lost(starts: list[int], ends: list[int]) -> None:
    sent = [Sent(str(number), f"queue{number % 3}", 0.0) for number in range(len(starts))]
    events = [Event("start", str(n), 1.0) for n, count in enumerate(starts) for _run in range(count)]
    for number, count in enumerate(starts):
        events += [Event("end", str(number), 2.0)] * min(count, ends[number])
    *queues, everything = account(sent, events)
    for row in [*queues, everything]:
        assert row.sent == row.done + len(row.failed) + len(row.lost)
    assert sum(row.sent for row in queues) == everything.sent
    assert len(everything.lost) == sum(1 for n, count in enumerate(starts) if not min(count, ends[n]))
    assert len(everything.twice) == sum(1 for count in starts if count > 1)


def test_a_line_that_is_still_being_written_is_left_for_later() -> None:
    whole = '{"event": "start", "id": "a", "time": 1.5}'
    assert list(parse([whole, whole[:20]])) == [Event("start", "a", 1.5)]
