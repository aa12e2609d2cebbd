# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Timers: soft < hard <= stop < visibility, with the two names and values when they clash."""

from __future__ import annotations

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory import timers
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.timers import Timer
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
        assert f"set visibility above {countdown + hard + 30}" in problem.fix


def one_clash() -> list[tuple[dict[str, int], str, str]]:
    """Each pair that can clash: the timers, and the two that are told."""
    return [
        ({"soft": 300, "hard": 300}, "soft", "hard"),
        ({"hard": 300, "stop": 300}, "hard", "stop"),
        ({"hard": 300, "visibility": 330}, "hard", "visibility"),
        ({"hard": 300, "countdown": 5, "visibility": 335}, "countdown", "visibility"),
        ({"hard": 1800, "consumer": 1800}, "hard", "consumer"),
        ({"hard": 300, "countdown": 1800, "consumer": 1800}, "countdown", "consumer"),
        ({"loop": 5, "lock": 5}, "loop", "lock"),
    ]


def asked(seconds: dict[str, int]) -> timers.Timers:
    """Timers whose variables are called as they are."""
    return timers.Timers(**{name: Timer(name, number) for name, number in seconds.items()})


@pytest.mark.parametrize(("seconds", "lower", "upper"), one_clash())
def test_every_pair_that_clashes_is_told_by_names_and_values(
    seconds: dict[str, int], lower: str, upper: str
) -> None:
    [problem] = timers.refused(asked(seconds))
    assert (problem.variable, problem.value) == (lower, seconds[lower])
    assert f"{upper} = {seconds[upper]}" in problem.what
    longer = seconds | {upper: 10**6}
    assert timers.refused(asked(longer)) == []


def test_a_fleet_whose_timers_all_agree() -> None:
    agreed = {
        "soft": 270, "hard": 300, "stop": 330, "visibility": 3600, "consumer": 3600, "countdown": 600,
        "results": 86400, "loop": 5, "lock": 20,
    }  # fmt: skip
    assert timers.refused(asked(agreed)) == timers.doubtful(asked(agreed)) == []
    assert timers.refused(timers.Timers()) == timers.doubtful(timers.Timers()) == []


@pytest.mark.parametrize(
    ("results", "countdown", "told"),
    [(86400, 86400, "countdown"), (86400, 86099, None), (0, 10**6, None), (300, 0, "hard"), (301, 0, None)],
)
def test_results_that_go_before_a_chord_ends(results: int, countdown: int, told: str | None) -> None:
    doubts = timers.doubtful(asked({"hard": 300, "countdown": countdown, "results": results}))
    assert [doubt.variable for doubt in doubts] == ([told] if told else [])
    for doubt in doubts:
        assert f"results = {results}" in doubt.what
        assert doubt.fix == f"set results above {countdown + 300}, or lower {told}"
