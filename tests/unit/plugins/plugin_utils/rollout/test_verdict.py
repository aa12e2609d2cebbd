# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a batch works, and the last words of a rollout that stopped."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.rollout import (
    rollout_message,
    rollout_results,
    rollout_verdict,
)
from unit.plugins.plugin_utils.rollout.hosts import beat, host, worker

MAIL, BEAT = "celery-worker@mail-prefork.service", "celery-beat.service"
BATCH: dict[str, Any] = {
    "title": "1 of 2: w1 (mail-prefork)",
    "units": {"w1": [MAIL]},
    "expect": {"w1": [MAIL], "w2": [MAIL, BEAT]},
}
REGISTERS = {step: f"our_{step}" for step in ("seen", "switch", "restart", "look", "smoke")}
WELL = {
    "w1": {"look": host(worker("mail"))},
    "w2": {"look": host(worker("mail"), beat())},
}


def verdict(**changes: dict[str, Any]) -> dict[str, Any]:
    fleet = {name: variables | changes.get(name, {}) for name, variables in WELL.items()}
    hostvars = {
        name: {REGISTERS[step]: result for step, result in variables.items()}
        for name, variables in fleet.items()
    }
    return rollout_verdict(rollout_results(hostvars, list(fleet), REGISTERS), BATCH)


def test_all_is_well() -> None:
    restarted = {"changed": True, "restarted": [MAIL], "failed_when_result": False}
    found = verdict(w1={"restart": restarted}, w2={"restart": {"skipped": True}})
    assert found == {"problems": [], "suspects": {}}


def test_a_restart_that_failed_is_told_once_with_its_own_journal() -> None:
    told = f"{MAIL}: is not ready: failed\nThe end of the journal of {MAIL}:\nboom"
    failed = worker("mail", state="failed", active=False)
    found = verdict(w1={"restart": {"msg": told}, "look": host(failed)})
    assert found == {"problems": [f"w1: {told}"], "suspects": {}}


@pytest.mark.parametrize("step", ["switch", "restart", "look"])
def test_a_host_that_falls_silent_is_a_problem(step: str) -> None:
    found = verdict(w1={step: {"unreachable": True, "msg": "timed out"}})
    assert found["problems"] == ["w1: gives no answer: timed out"]


def test_silence_is_told_once() -> None:
    silent = {"unreachable": True, "msg": "timed out"}
    found = verdict(w1={"restart": silent, "look": silent})
    assert found["problems"] == ["w1: gives no answer: timed out"]


def test_a_look_that_fails_is_a_problem() -> None:
    found = verdict(w1={"look": {"msg": "systemctl: not found"}})
    assert found["problems"] == ["w1: systemctl: not found"]


def test_a_link_that_cannot_be_switched_is_a_problem() -> None:
    found = verdict(w1={"switch": {"msg": "No space left on device"}})
    assert found["problems"] == ["w1: No space left on device"]


@pytest.mark.parametrize(
    ("unit", "words"),
    [
        (worker("mail", status="waiting for the broker", state="waiting"), "waiting for the broker"),
        (worker("mail", state="failed", active=False, status=None), "failed"),
    ],
)
def test_a_worker_that_came_up_and_does_not_consume_is_a_suspect(unit: dict[str, Any], words: str) -> None:
    found = verdict(w1={"look": host(unit)})
    assert found == {"problems": [f"w1: {MAIL}: does not consume: {words}"], "suspects": {"w1": [MAIL]}}


def test_what_worked_elsewhere_has_to_work_still() -> None:
    fallen = beat() | {"state": "failed", "active": False}
    found = verdict(w2={"look": host(fallen)})
    assert found["problems"] == [
        f"w2: {MAIL}: does not consume: it is gone",
        f"w2: {BEAT}: does not run: failed",
    ]


def test_a_smoke_task_that_fails_names_the_worker() -> None:
    answer = {"mail-prefork@w1": "failed: LookupError('x')"}
    found = verdict(w1={"smoke": {"rc": 1, "stdout": json.dumps(answer)}})
    assert found["problems"] == [f"w1: {MAIL}: the smoke task failed: LookupError('x')"]
    assert found["suspects"] == {"w1": [MAIL]}


def test_a_smoke_task_that_ended_well_is_no_problem() -> None:
    found = verdict(w1={"smoke": {"rc": 0, "stdout": '{"mail-prefork@w1": ""}', "msg": ""}})
    assert found["problems"] == []


def test_a_smoke_task_that_cannot_be_sent_says_why() -> None:
    found = verdict(w1={"smoke": {"rc": 2, "stdout": "", "stderr": "Traceback\nno backend\n"}})
    assert found["problems"] == ["w1: the smoke task could not be sent: no backend"]


def message(release: str = "", back: dict[str, Any] | None = None, **former: str) -> list[str]:
    second = BATCH | {"title": "2 of 2: w2 (mail-prefork)"}
    return rollout_message(
        {"problems": [f"w1: {MAIL}: does not consume"], "suspects": {"w1": [MAIL]}},
        what="The restart",
        course={"batches": [BATCH, second], "former": former},
        number=1,
        began="2026-11-21T11:30:00Z",
        journals={"w1": {"stdout": "boom"}, "w2": {"skipped": True}},
        release=release,
        back=back,
    ).splitlines()


HEAD = [
    "The restart stopped in batch 1 of 2: w1 (mail-prefork)",
    f"w1: {MAIL}: does not consume",
    f"The end of the journal of {MAIL} on w1:",
    "boom",
    "Not touched: batch 2 of 2: w2 (mail-prefork)",
]


def test_a_restart_that_stopped_says_how_to_go_on() -> None:
    assert message() == [
        *HEAD,
        "Fix the cause, then go on with the rest: the same command with "
        "-e rollout_since=2026-11-21T11:30:00Z",
    ]


def test_a_release_that_went_back_says_where_the_fleet_is() -> None:
    assert message("new", {"problems": [], "suspects": {}}, w1="old", w2="old") == [
        *HEAD,
        "All went back to old, and every unit that worked before works again.",
    ]


def test_a_way_back_that_went_wrong_says_what_needs_a_hand() -> None:
    assert message("new", {"problems": ["w1: down"], "suspects": {}}, w1="old") == [
        *HEAD,
        "On the way back to old this went wrong, and needs a hand:",
        "w1: down",
    ]


def test_a_first_release_has_no_way_back() -> None:
    lines = message("new", w1="", w2="")
    assert lines == [*HEAD, "There is no release to go back to: fix the cause and deploy again."]
