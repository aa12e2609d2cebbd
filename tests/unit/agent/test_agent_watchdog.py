# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What systemd is told, for each state of a worker or beat."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from celeryops_agent.watchdog import EXTENSION, GRACE, STALE, Phase, Verdict, View, doubt, judge
from hypothesis import given
from hypothesis import strategies as st

WORKS = View(Phase.RUNNING, "consuming mail, 3 active", active=3, asked_age=0.5)
FRESH, OLD = STALE / 2, STALE * 3

ages = st.floats(min_value=0.0, max_value=1e6)
views = st.builds(
    View,
    phase=st.sampled_from(Phase),
    work=st.just("work"),
    active=st.integers(0, 1000),
    connected=st.booleans(),
    loop_age=ages,
    asked_age=st.none() | ages | st.just(math.inf),
    hold=ages | st.just(math.inf),
    broker_answers=st.none() | st.booleans(),
    back_for=ages | st.just(math.inf),
    stopping_for=ages,
)


@pytest.mark.parametrize(
    ("view", "verdict"),
    [
        pytest.param(WORKS, Verdict("consuming mail, 3 active", pet=True), id="works"),
        pytest.param(
            replace(WORKS, asked_age=None), Verdict("consuming mail, 3 active", pet=True), id="no room"
        ),
        pytest.param(
            replace(WORKS, loop_age=OLD, broker_answers=True),
            Verdict("not working: its loop does not turn", stuck=True),
            id="hung",
        ),
        pytest.param(
            replace(WORKS, asked_age=OLD, broker_answers=True),
            Verdict("not working: it does not ask the broker for work", stuck=True),
            id="connected but not consuming",
        ),
        pytest.param(
            replace(WORKS, asked_age=math.inf, broker_answers=True),
            Verdict("not working: it does not ask the broker for work", stuck=True),
            id="a queue lost its consumer",
        ),
        pytest.param(
            replace(WORKS, loop_age=OLD, asked_age=OLD, hold=OLD * 2),
            Verdict("consuming mail, 3 active", pet=True),
            id="a long task in the loop's thread",
        ),
        pytest.param(
            replace(WORKS, loop_age=OLD * 3, asked_age=OLD * 3, hold=OLD * 2, broker_answers=True),
            Verdict("not working: its loop does not turn", stuck=True),
            id="a task past its time limit in the loop's thread",
        ),
        pytest.param(
            replace(WORKS, connected=False, loop_age=OLD, asked_age=None, broker_answers=False),
            Verdict("waiting for the broker, 3 active", pet=True),
            id="the broker is away",
        ),
        pytest.param(
            replace(WORKS, active=0, loop_age=OLD, asked_age=OLD, broker_answers=False),
            Verdict("waiting for the broker", pet=True),
            id="the broker went silent",
        ),
        pytest.param(
            replace(WORKS, connected=False, loop_age=OLD, broker_answers=True, back_for=GRACE / 2),
            Verdict("reconnecting to the broker", pet=True),
            id="the broker is just back",
        ),
        pytest.param(
            replace(WORKS, connected=False, loop_age=OLD, broker_answers=True, back_for=GRACE * 2),
            Verdict("not working: it has no connection to the broker", stuck=True),
            id="the broker is back, the worker is not",
        ),
        pytest.param(View(Phase.STARTING, "", connected=False), Verdict("starting"), id="starts"),
        pytest.param(
            View(Phase.STARTING, "", connected=False, broker_answers=True),
            Verdict("starting"),
            id="hangs at start",
        ),
        pytest.param(
            View(Phase.STARTING, "", connected=False, broker_answers=False),
            Verdict("waiting for the broker", extend=EXTENSION),
            id="starts without a broker",
        ),
        pytest.param(
            View(Phase.STOPPING, "", active=2),
            Verdict("draining, 2 tasks left", extend=EXTENSION),
            id="drains",
        ),
        pytest.param(
            View(Phase.STOPPING, "", active=1, connected=False, broker_answers=False),
            Verdict("draining, 1 task left", extend=EXTENSION),
            id="drains without a broker",
        ),
        pytest.param(View(Phase.STOPPING, "", active=0), Verdict("stopping"), id="drained"),
    ],
)
def test_the_decision_table(view: View, verdict: Verdict) -> None:
    assert judge(view) == verdict


@given(view=views, ceiling=st.floats(min_value=1.0, max_value=1e6))
def test_a_stop_is_never_extended_past_its_ceiling(view: View, ceiling: float) -> None:
    verdict = judge(replace(view, phase=Phase.STOPPING), ceiling)
    assert 0.0 <= verdict.extend <= EXTENSION
    assert verdict.extend == 0.0 or view.stopping_for + verdict.extend <= ceiling + 1e-6


@given(views)
def test_no_worker_is_restarted_for_its_broker(view: View) -> None:
    verdict = judge(replace(view, phase=Phase.RUNNING, broker_answers=False))
    assert verdict.pet
    assert not verdict.stuck


@given(views)
def test_who_is_petted_works_or_has_an_excuse(view: View) -> None:
    verdict = judge(view)
    if verdict.pet:
        assert view.phase is Phase.RUNNING
        assert doubt(view) is None or view.broker_answers is False or view.back_for <= GRACE
    assert not (verdict.pet and verdict.stuck)


@given(views)
def test_a_start_is_extended_for_the_broker_alone(view: View) -> None:
    verdict = judge(replace(view, phase=Phase.STARTING))
    assert (verdict.extend > 0.0) == (view.broker_answers is False)
