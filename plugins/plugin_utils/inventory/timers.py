# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The timers that must agree: soft limit < hard limit <= stop timeout < visibility or consumer timeout.

`refused` and `doubtful` know every one of them.

A worker that is stopped before a task's hard limit loses the task; a Redis broker that redelivers before the
stop is over runs it twice. The visibility timeout runs from the delivery of a message to its acknowledgement,
and a task with a countdown is delivered at once and acknowledged at its end: the countdown counts too.
RabbitMQ's consumer timeout runs alike, and closes the channel.
Sources: Celery's "Using Redis: visibility timeout", kombu's `QoS.restore_visible`, RabbitMQ's "Consumers".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .problems import Problem

# A stop ends with what follows the last task: prefetched messages go back, children are reaped (measured).
STOP_MARGIN = 30
# Celery's own default; a shorter one saves nothing but the wait for a lost message.
SHORTEST_VISIBILITY = 3600


@dataclass(frozen=True)
class Timer:
    """A timer in seconds, by the name that an operator knows."""

    variable: str
    seconds: int


def limits(soft: int | None, hard: int | None, default_soft: int, default_hard: int) -> tuple[int, int]:
    """Return the soft and the hard limit of a queue, in seconds, where the spec may set either alone.

    A hard limit alone keeps the fleet's proportion: who allows a task two hours does not want it interrupted
    after the fleet's few minutes. A soft limit alone moves the hard one only when it would reach it.
    """
    if soft is not None:
        return soft, hard or (default_hard if soft < default_hard else soft + STOP_MARGIN)
    if hard is not None:
        return max(min(hard * default_soft // default_hard, hard - 1), 1), hard
    return default_soft, default_hard


def stop_timeout(hard: int, within: int | None = None) -> int:
    """Return the seconds that a stop may take: the longest task, or what tasks are given, and the margin."""
    return (hard if within is None else within) + STOP_MARGIN


def visibility_timeout(hard_limits: Iterable[int], longest_countdown: int) -> int:
    """Return the visibility timeout in seconds that agrees with every hard limit and countdown.

    Twice the longest stop: a stop may begin when a task does, or just before the task's limit.
    """
    longest = max((stop_timeout(hard) for hard in hard_limits), default=0)
    return max(SHORTEST_VISIBILITY, longest_countdown + 2 * longest)


@dataclass(frozen=True)
class Timers:
    """Every timer that has to agree with another; None where the fleet has none.

    :param visibility: Redis; 0 is derived from the others and always agrees.
    :param consumer: RabbitMQ's consumer_timeout.
    :param countdown: the longest countdown or ETA; 0 for none.
    :param results: how long results are kept; 0 keeps them for ever.
    :param loop, lock: of a beat that shares its work with others.
    """

    soft: Timer | None = None
    hard: Timer | None = None
    stop: Timer | None = None
    visibility: Timer | None = None
    consumer: Timer | None = None
    countdown: Timer | None = None
    results: Timer | None = None
    loop: Timer | None = None
    lock: Timer | None = None


def refused(asked: Timers) -> list[Problem]:
    """Return the timers that clash such that tasks are lost or run twice, two by two."""
    countdown = asked.countdown or Timer("", 0)
    found: list[Problem] = []
    for lower, upper in ((asked.soft, asked.hard), (asked.hard, asked.stop), (asked.loop, asked.lock)):
        if lower and upper:
            found += clash(lower, upper)
    for holder in (asked.visibility, asked.consumer):
        if asked.hard and holder:
            found += redelivered(asked.hard, holder, countdown)
    return found


def doubtful(asked: Timers) -> list[Problem]:
    """Return the timers that clash for some apps only, to be told and not refused.

    A chord ends when its last step does; a step that ended long before must still have its result then.
    """
    if not asked.results or not asked.results.seconds:
        return []
    waits = [timer for timer in (asked.countdown, asked.hard) if timer and timer.seconds]
    longest = max(waits, key=lambda timer: timer.seconds, default=None)
    span = sum(timer.seconds for timer in waits)
    if not longest or asked.results.seconds > span:
        return []
    kept = f"{asked.results.variable} = {asked.results.seconds}"
    what = f"results are kept for {kept}, so a chord of such tasks"
    fix = f"set {asked.results.variable} above {span}, or lower {longest.variable}"
    return [Problem(longest.variable, longest.seconds, f"{what} may never end", fix)]


def clash(lower: Timer, upper: Timer) -> list[Problem]:
    """Return the problem when the lower timer is not below the upper one."""
    if lower.seconds < upper.seconds:
        return []
    return [
        Problem(
            lower.variable,
            lower.seconds,
            f"it must be less than {upper.variable} = {upper.seconds}",
            f"lower {lower.variable}, or set {upper.variable} above {lower.seconds}",
        )
    ]


def redelivered(hard: Timer, visibility: Timer, countdown: Timer) -> list[Problem]:
    """Return the problems of a visibility timeout that ends before a message is done with.

    A visibility of 0 is derived from the others and always agrees.
    """
    if not visibility.seconds:
        return []
    stop = stop_timeout(hard.seconds)
    done = countdown.seconds + stop
    if visibility.seconds > done:
        return []
    longest, held = hard, f"with the {STOP_MARGIN} s of a stop it holds a message for {stop} s"
    if visibility.seconds > stop:
        longest, held = countdown, f"with {hard.variable} = {hard.seconds} it holds a message for {done} s"
    return [
        Problem(
            longest.variable,
            longest.seconds,
            f"{held}, and {visibility.variable} = {visibility.seconds} delivers it again before that",
            f"set {visibility.variable} above {done} or to 0 (derived), or lower {longest.variable}",
        )
    ]
