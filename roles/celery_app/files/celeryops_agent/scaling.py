# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many instances of a queue shall run on a host, decided from what waits: docs/explanation/scaling.md.

Nothing here talks to a broker or to systemd.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Rule:
    """What the inventory says of a queue.

    :param up_depth: messages for each instance; when more wait, more start.
    :param up_age: seconds; when a message has waited for so long, one more starts.
    :param down_depth: messages; when no more wait, the queue is calm.
    :param cool_down: seconds from a start to the next one, and of calm before an instance drains.
    """

    min_instances: int
    max_instances: int
    up_depth: int
    up_age: int
    down_depth: int
    cool_down: int


@dataclass(frozen=True)
class State:
    """What is remembered of a queue from one look to the next. Times are seconds of the host's clock.

    :param wanted: the instances that shall run.
    :param started: when some were last told to start.
    :param calm: since when the queue has been calm.
    :param held: what kept it from moving since it last moved; each is said once.
    """

    wanted: int
    started: float | None = None
    calm: float | None = None
    held: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Look:
    """What waits in a queue.

    :param depth: messages.
    :param age: seconds that the oldest has waited for at least; None where nobody can know.
    """

    depth: int
    age: float | None


@dataclass(frozen=True)
class Decision:
    """What is remembered from now on, and what is to be said, if anything."""

    state: State
    said: str = ""


def decide(rule: Rule, state: State, look: Look, now: float) -> Decision:
    """Return how many instances shall run from now on, and why, when that is news."""
    # The inventory may have changed since.
    wanted = min(max(state.wanted, rule.min_instances), rule.max_instances)
    state = replace(state, wanted=wanted)
    asked, why = _asked(rule, wanted, look)
    if asked > wanted:
        return _grow(rule, replace(state, calm=None), asked, why, now)
    if not _calm(rule, look):
        return Decision(replace(state, calm=None))
    calm = now if state.calm is None else state.calm
    return _shrink(rule, replace(state, calm=calm), look, now)


def _asked(rule: Rule, wanted: int, look: Look) -> tuple[int, str]:
    """Return how many instances the load asks for, and in which words."""
    if look.depth > rule.up_depth * wanted:
        why = f"{look.depth} messages wait, more than {rule.up_depth} for each instance"
        return math.ceil(look.depth / rule.up_depth), why
    if look.age is not None and look.age >= rule.up_age:
        return wanted + 1, f"a message has waited for {look.age:.0f} s, and {rule.up_age} s is the most"
    return wanted, ""


def _calm(rule: Rule, look: Look) -> bool:
    return look.depth <= rule.down_depth and (look.age or 0) < rule.up_age / 2


def _grow(rule: Rule, state: State, asked: int, why: str, now: float) -> Decision:
    target = min(asked, rule.max_instances)
    if target == state.wanted:
        return _hold(state, "full", f"{why}; but the host is planned for no more (max_instances)")
    if state.started is not None and now - state.started < rule.cool_down:
        ago = now - state.started
        why += f"; but the last start was {ago:.0f} s ago, and cool_down is {rule.cool_down} s"
        return _hold(state, "started", why)
    return Decision(State(target, started=now), f"{state.wanted} -> {target} instances: {why}")


def _shrink(rule: Rule, state: State, look: Look, now: float) -> Decision:
    if state.wanted == rule.min_instances or state.calm is None:
        return Decision(state)
    waits = f"{look.depth} messages wait" if look.depth else "nothing waits"
    if now - state.calm < rule.cool_down:
        return _hold(
            state, "calm", f"{waits}; but one drains only after {rule.cool_down} s of this (cool_down)"
        )
    target = state.wanted - 1
    why = f"{waits}, and has been so for {now - state.calm:.0f} s"
    return Decision(State(target, state.started, calm=now), f"{state.wanted} -> {target} instances: {why}")


def _hold(state: State, kind: str, why: str) -> Decision:
    """Stay, and say why: once, until the number moves."""
    if kind in state.held:
        return Decision(state)
    return Decision(replace(state, held=state.held | {kind}), f"stays at {state.wanted} instances: {why}")
