# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many instances shall run: what holds for every rule and every course of a queue, and what is said."""

from __future__ import annotations

from itertools import pairwise

from celeryops_agent.scaling import Look, Rule, State, decide
from hypothesis import given
from hypothesis import strategies as st

EMPTY = Look(0, 0.0)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    lowest = draw(st.integers(1, 9))
    up_depth = draw(st.integers(1, 500))
    return Rule(
        min_instances=lowest,
        max_instances=draw(st.integers(lowest + 1, 10)),
        up_depth=up_depth,
        up_age=draw(st.integers(1, 300)),
        down_depth=draw(st.integers(0, up_depth - 1)),
        cool_down=draw(st.integers(1, 600)),
    )


LOOKS = st.builds(Look, st.integers(0, 6000), st.none() | st.floats(0, 900))
COURSES = st.lists(st.tuples(st.integers(1, 60), LOOKS), min_size=1, max_size=40)


def follow(rule: Rule, course: list[tuple[int, Look]]) -> list[tuple[float, int, str]]:
    """Return what was decided at each look: when, how many, and what was said."""
    state, now = State(rule.min_instances), 0.0
    found = [(now, state.wanted, "")]
    for step, look in course:
        now += step
        decision = decide(rule, state, look, now)
        state = decision.state
        found.append((now, state.wanted, decision.said))
    return found


@given(rules(), COURSES)
def test_the_number_stays_between_minimum_and_maximum(rule: Rule, course: list[tuple[int, Look]]) -> None:
    for _now, wanted, _said in follow(rule, course):
        assert rule.min_instances <= wanted <= rule.max_instances


@given(rules(), COURSES, st.integers(-5, 50))
def test_a_changed_inventory_holds_at_once(rule: Rule, course: list[tuple[int, Look]], before: int) -> None:
    decision = decide(rule, State(before), course[0][1], 0.0)
    assert rule.min_instances <= decision.state.wanted <= rule.max_instances


@given(rules(), COURSES)
def test_every_move_is_said_with_its_reason(rule: Rule, course: list[tuple[int, Look]]) -> None:
    for (_then, before, _why), (_now, after, said) in pairwise(follow(rule, course)):
        if before != after:
            assert said.startswith(f"{before} -> {after} instances: ")
        elif said:
            assert said.startswith(f"stays at {after} instances: ")
            assert "; but " in said


@given(rules(), COURSES)
def test_what_holds_it_back_is_said_once(rule: Rule, course: list[tuple[int, Look]]) -> None:
    kinds: list[str] = []
    for _now, _wanted, said in follow(rule, course):
        if " -> " in said:
            kinds = []
        elif said:
            kinds.append(said.partition("; but ")[2].split(" ")[1])
    assert len(kinds) == len(set(kinds))


@given(rules(), COURSES)
def test_cool_down_lies_between_starts_and_before_each_drain(
    rule: Rule, course: list[tuple[int, Look]]
) -> None:
    moves = [
        (now, after - before)
        for (_then, before, _why), (now, after, _said) in pairwise(follow(rule, course))
        if after != before
    ]
    starts = [now for now, by in moves if by > 0]
    assert all(later - earlier >= rule.cool_down for earlier, later in pairwise(starts))
    for (before, _by), (now, by) in pairwise(moves):
        if by < 0:
            assert by == -1
            assert now - before >= rule.cool_down


@given(rules(), COURSES)
def test_one_drains_only_after_calm_alone(rule: Rule, course: list[tuple[int, Look]]) -> None:
    found = follow(rule, course)
    looks = [look for _step, look in course]
    for at, ((_then, before, _why), (now, after, _said)) in enumerate(pairwise(found)):
        if after < before:
            seen = [
                look
                for (then, _count, _why), look in zip(found[1 : at + 2], looks, strict=False)
                if now - then <= rule.cool_down
            ]
            assert all(look.depth <= rule.down_depth for look in seen)


@given(rules(), LOOKS, st.integers(1, 60))
def test_a_constant_load_moves_it_one_way_and_then_no_more(rule: Rule, look: Look, period: int) -> None:
    looks = 2 + 10 * (2 + rule.cool_down // period)
    found = [wanted for _now, wanted, _said in follow(rule, [(period, look)] * looks)]
    steps = [after - before for before, after in pairwise(found)]
    assert all(step >= 0 for step in steps) or all(step <= 0 for step in steps)
    assert len(set(found[-2 - rule.cool_down // period :])) == 1


@given(rules(), COURSES)
def test_an_empty_queue_ends_at_the_minimum(rule: Rule, course: list[tuple[int, Look]]) -> None:
    quiet = [(rule.cool_down, EMPTY)] * (rule.max_instances + 2)
    assert follow(rule, course + quiet)[-1][1] == rule.min_instances


RULE = Rule(min_instances=1, max_instances=4, up_depth=100, up_age=30, down_depth=10, cool_down=60)


def said(state: State, look: Look, now: float) -> tuple[int, str]:
    decision = decide(RULE, state, look, now)
    return decision.state.wanted, decision.said


def test_a_burst_starts_as_many_as_it_needs_at_once() -> None:
    assert said(State(1), Look(250, 0.0), 0) == (
        3,
        "1 -> 3 instances: 250 messages wait, more than 100 for each instance",
    )


def test_a_message_that_waits_too_long_starts_one() -> None:
    assert said(State(1), Look(5, 31.4), 0) == (
        2,
        "1 -> 2 instances: a message has waited for 31 s, and 30 s is the most",
    )


def test_the_maximum_is_the_host_s() -> None:
    assert said(State(4), Look(900, None), 0) == (
        4,
        "stays at 4 instances: 900 messages wait, more than 100 for each instance; "
        "but the host is planned for no more (max_instances)",
    )


def test_a_start_is_given_time_to_help() -> None:
    assert said(State(2, started=100.0), Look(900, None), 130)[1] == (
        "stays at 2 instances: 900 messages wait, more than 100 for each instance; "
        "but the last start was 30 s ago, and cool_down is 60 s"
    )
    assert said(State(2, started=100.0), Look(900, None), 160)[0] == 4


def test_between_the_thresholds_nothing_moves() -> None:
    assert said(State(2, calm=0.0), Look(50, 14.0), 1000) == (2, "")
    assert decide(RULE, State(2, calm=0.0), Look(50, 14.0), 1000).state.calm is None


def test_an_old_message_is_no_calm() -> None:
    assert said(State(2, calm=0.0), Look(1, 15.0), 1000) == (2, "")


def test_calm_drains_one_after_the_other() -> None:
    first = decide(RULE, State(3, calm=0.0), Look(0, 0.0), 60)
    assert (first.state.wanted, first.said) == (
        2,
        "3 -> 2 instances: nothing waits, and has been so for 60 s",
    )
    assert said(first.state, EMPTY, 119) == (
        2,
        "stays at 2 instances: nothing waits; but one drains only after 60 s of this (cool_down)",
    )
    assert said(first.state, EMPTY, 120)[0] == 1
    assert said(State(1), EMPTY, 0) == (1, "")
