# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a batch of a rollout works, and what is said when it does not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import layout

from .course import Unit, read

Result = Mapping[str, Any]
# What counts of a batch: `look` is what instance_info returned, `smoke` what celeryops_agent.smoke did.
STEPS = ("switch", "restart", "look", "smoke")


@dataclass
class Verdict:
    """What is wrong after a batch, and which units' journals may tell why."""

    problems: list[str] = field(default_factory=list)
    suspects: dict[str, list[str]] = field(default_factory=dict)

    def blame(self, host: str, unit: str, problem: str) -> None:
        """Note what is wrong with a unit."""
        self.problems.append(f"{host}: {unit}: {problem}")
        if unit not in self.suspects.setdefault(host, []):
            self.suspects[host].append(unit)


def judge(batch: Mapping[str, Any], results: Mapping[str, Mapping[str, Result]]) -> Verdict:
    """Return what is wrong; nothing when the next batch may start.

    :param batch: a rollout.Batch as a dictionary.
    :param results: for each of STEPS that was taken its result on each host of the play.
    """
    verdict = Verdict()
    taken = {step: results[step] for step in STEPS if step in results}
    for host in dict.fromkeys(host for found in taken.values() for host in found):
        result = {step: found.get(host, {}) for step, found in taken.items()}
        silent = [step["msg"] for step in result.values() if step.get("unreachable")]
        if silent:
            verdict.problems.append(f"{host}: gives no answer: {silent[0]}")
            continue
        told = [result[step]["msg"] for step in ("switch", "restart", "look") if _failed(result, step)]
        verdict.problems += [f"{host}: {problem}" for problem in told]
        # What the restart has told about its units is not told again.
        known = batch["units"].get(host, []) if told else []
        expected = [unit for unit in batch["expect"].get(host, []) if unit not in known]
        _look(verdict, host, expected, result.get("look", {}))
        _smoke(verdict, host, result.get("smoke", {}))
    return verdict


def _failed(result: Mapping[str, Result], step: str) -> bool:
    return bool(result.get(step, {}).get("msg"))


def _look(verdict: Verdict, host: str, expected: list[str], look: Result) -> None:
    if "instances" not in look:
        return  # it failed, or did not look in check mode
    now = {unit.unit: unit for unit in read({host: look})}
    for name in expected:
        unit = now.get(name)
        if unit is None or not unit.well:
            verdict.blame(host, name, _state(name, unit))


def _state(name: str, unit: Unit | None) -> str:
    wanted = "does not consume" if name.startswith(layout.WORKER) else "does not run"
    return f"{wanted}: {(unit.status or unit.state) if unit else 'it is gone'}"


def _smoke(verdict: Verdict, host: str, result: Result) -> None:
    if not result.get("rc"):
        return
    try:
        answers = json.loads(result["stdout"])
    except ValueError:
        said = str(result.get("stderr", "")).strip().splitlines() or ["no word"]
        verdict.problems.append(f"{host}: the smoke task could not be sent: {said[-1]}")
        return
    for node, problem in answers.items():
        if problem:
            verdict.blame(host, layout.unit_of(node.partition("@")[0]), f"the smoke task {problem}")


@dataclass(frozen=True)
class Stop:
    """A rollout that stopped.

    :param what: the rollout, in words.
    :param batches: all of it, as dictionaries.
    :param number: the batch in which it stopped, from 1.
    :param began: when it began, in UTC.
    :param release: what was rolled out; empty when the same was restarted.
    :param former: the release that each host goes back to.
    """

    what: str
    batches: Sequence[Mapping[str, Any]]
    number: int
    began: str
    release: str = ""
    former: Mapping[str, str] = field(default_factory=dict)


def message(stop: Stop, verdict: Verdict, journals: Mapping[str, str], back: Verdict) -> str:
    """Return what the play ends with: what stopped where and why, what was not touched, and what to do.

    :param journals: the end of the suspects' journals, by host.
    :param back: what is wrong after the way back to the former release.
    """
    lines = [f"{stop.what} stopped in batch {stop.batches[stop.number - 1]['title']}", *verdict.problems]
    for host, text in journals.items():
        lines += [f"The end of the journal of {', '.join(verdict.suspects[host])} on {host}:", text]
    untouched = [batch["title"] for batch in stop.batches[stop.number :]]
    lines.append(f"Not touched: batch {'; batch '.join(untouched)}" if untouched else "No batch was left.")
    return "\n".join([*lines, *(_went_back(stop, back) if stop.release else _go_on(stop))])


def _go_on(stop: Stop) -> list[str]:
    return [f"Fix the cause, then go on with the rest: the same command with -e rollout_since={stop.began}"]


def _went_back(stop: Stop, back: Verdict) -> list[str]:
    former = sorted({release for release in stop.former.values() if release})
    if not former:
        return ["There is no release to go back to: fix the cause and deploy again."]
    if back.problems:
        return [f"On the way back to {', '.join(former)} this went wrong, and needs a hand:", *back.problems]
    return [f"All went back to {', '.join(former)}, and every unit that worked before works again."]
