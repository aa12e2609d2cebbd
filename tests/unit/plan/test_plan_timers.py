# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Timers: soft < hard <= stop < visibility, with the two names and values when they clash."""

from __future__ import annotations

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils import timers
from ansible_collections.celeryops.systemd.plugins.plugin_utils.timers import Timer
from hypothesis import given
from hypothesis import strategies as st

SECONDS = st.integers(2, 10**6)
MAYBE = st.none() | SECONDS


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [
        (None, None, (270, 300)),
        (100, None, (100, 300)),
        (300, None, (300, 330)),
        (3000, None, (3000, 3030)),
        (None, 3600, (3240, 3600)),
        (None, 100, (90, 100)),
        (None, 270, (243, 270)),
        (None, 2, (1, 2)),
        (10, 20, (10, 20)),
        (20, 10, (20, 10)),
    ],
)
def test_a_limit_that_is_missing_follows_the_other(
    soft: int | None, hard: int | None, expected: tuple[int, int]
) -> None:
    assert timers.limits(soft, hard, 270, 300) == expected


def test_a_fleet_whose_limits_clash_gives_a_queue_its_own() -> None:
    assert timers.limits(None, 100, 300, 300) == (99, 100)


@given(MAYBE, MAYBE, SECONDS, SECONDS)
def test_only_what_was_set_twice_can_clash(soft: int | None, hard: int | None, a: int, b: int) -> None:
    got_soft, got_hard = timers.limits(soft, hard, min(a, b), max(a, b) + 1)
    assert got_soft == soft or soft is None
    assert got_hard == hard or hard is None
    if soft is None or hard is None:
        assert 0 < got_soft < got_hard


@given(st.lists(SECONDS), st.integers(0, 10**6))
def test_the_derived_visibility_agrees_with_every_limit(limits: list[int], countdown: int) -> None:
    visibility = timers.visibility_timeout(limits, countdown)
    assert visibility >= timers.SHORTEST_VISIBILITY
    for hard in limits:
        assert hard < timers.stop_timeout(hard) < visibility
        assert not timers.redelivered(Timer("hard", hard), Timer("seen", visibility), Timer("eta", countdown))


@pytest.mark.parametrize(
    ("limits", "countdown", "expected"),
    [([300], 0, 3600), ([7200], 0, 14460), ([300, 7200], 0, 14460), ([300], 86400, 87060), ([], 0, 3600)],
)
def test_visibility(limits: list[int], countdown: int, expected: int) -> None:
    assert timers.visibility_timeout(limits, countdown) == expected


@pytest.mark.parametrize(("soft", "clashes"), [(299, False), (300, True), (301, True)])
def test_a_timer_must_be_below_the_next(soft: int, clashes: bool) -> None:
    problems = timers.clash(Timer("soft", soft), Timer("hard", 300))
    assert bool(problems) is clashes
    if clashes:
        assert problems[0].text("w1") == (
            f"w1: soft = {soft}: it must be less than hard = 300; lower soft, or set hard above {soft}"
        )


@pytest.mark.parametrize(
    ("hard", "visibility", "countdown", "told"),
    [
        (300, 0, 10**6, None),
        (300, 331, 0, None),
        (300, 330, 0, "hard"),
        (300, 330, 5, "hard"),
        (300, 1330, 1000, "countdown"),
        (300, 1331, 1000, None),
    ],
)
def test_the_visibility_timeout_outlasts_countdown_task_and_stop(
    hard: int, visibility: int, countdown: int, told: str | None
) -> None:
    problems = timers.redelivered(
        Timer("hard", hard), Timer("visibility", visibility), Timer("countdown", countdown)
    )
    assert [problem.variable for problem in problems] == ([told] if told else [])
    for problem in problems:
        assert f"visibility = {visibility}" in problem.what
        assert f"set visibility above {countdown + hard + 30}" in problem.mend
