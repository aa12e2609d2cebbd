# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The summary at the end of a playbook: true in check mode too, and short for any fleet."""

from __future__ import annotations

from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.report import summary
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report.summary import Summary
from hypothesis import given
from hypothesis import strategies as st


def ran(**told: Any) -> dict[str, Any]:
    """What the module `units` returns."""
    none: dict[str, Any] = {"started": [], "restarted": [], "stopped": [], "removed": [], "stale": []}
    acts = any(told.get(key) for key in ("started", "restarted", "stopped"))
    return {"changed": acts, "states": {}, **none, **told}


def told_by(lines: list[str]) -> dict[str, str]:
    """The lines by their label, those without one with the one before."""
    found: dict[str, str] = {}
    label = ""
    for line in lines:
        label = line[: summary.LABEL].strip() or label
        found[label] = f"{found.get(label, '')} {line[summary.LABEL :].strip()}".strip()
    return found


def test_a_run_that_changes_nothing() -> None:
    run = Summary()
    up = {"celery-worker@mail-threads.service": {"active": "active"}}
    for host in ("worker1", "worker2"):
        run.add(host, "celery_worker", ran(states=up))
        run.add(host, "celery_app", {"changed": False})
    assert run.lines() == [
        "changed           nothing",
        "runs              worker1, worker2: celery-worker@mail-threads",
        "next              nothing: the fleet is as it was asked for",
    ]


def test_what_changed_by_role_and_host_and_what_restarted() -> None:
    run = Summary()
    run.add("worker1", "celery_worker", {"changed": True, "changed_paths": ["/a", "/b"]})
    run.add("worker2", "celery_worker", {"changed": True, "changed_paths": ["/a", "/b"]})
    run.add("ops1", "flower", {"changed": True, "results": [{"changed": True}, {"changed": False}]})
    states = {"celery-worker@mail-threads.service": {"active": "active"}}
    run.add("worker1", "celery_worker", ran(states=states, stale=list(states)))
    run.add("worker1", "Restart the workers", ran(states=states, restarted=list(states)))
    assert told_by(run.lines()) == {
        "changed": "celery_worker: 2 on worker1, worker2 flower: 1 on ops1",
        "restarted": "worker1: celery-worker@mail-threads",
        "runs": "worker1: celery-worker@mail-threads",
        "next": "celeryops.systemd.status shows whether all of it works",
    }


def test_check_mode_foretells() -> None:
    run = Summary(check=True)
    now = {
        "a.service": {"active": "active"},
        "b.service": {"active": "inactive"},
        "c.service": {"active": "active"},
    }
    run.add("h", "celery_worker", {"changed": True})
    run.add(
        "h",
        "celery_worker",
        ran(states=now, started=["b.service"], restarted=["a.service"], stopped=["c.service"]),
    )
    told = told_by(run.lines())
    assert told == {
        "would change": "celery_worker: 1 on h",
        "would start": "h: b",
        "would restart": "h: a",
        "would stop": "h: c",
        "runs now": "h: a, c",
        "next": "the same without --check does it",
    }


def test_check_mode_of_a_fleet_that_needs_nothing() -> None:
    told = told_by(Summary(check=True).lines())
    assert told["would change"] == "nothing"
    assert told["next"].startswith("nothing")


def test_what_stopped_does_not_run_and_what_stays_stale_is_told() -> None:
    run = Summary()
    up = {"a.service": {"active": "active"}, "b.service": {"active": "active"}}
    run.add("h", "celery_worker", ran(states=up, stale=["a.service"]))
    run.add("h", "celery_worker", ran(states={}, stopped=["b.service"]))
    told = told_by(run.lines())
    assert (told["stopped"], told["run on old files"], told["runs"]) == ("h: b", "h: a", "h: a")
    assert "rolling_restart" in told["next"]


def test_a_failure_is_named_and_the_way_on() -> None:
    run = Summary(failed=["h1"], unreachable=["h2"])
    assert told_by(run.lines()) == {
        "changed": "nothing before what failed",
        "failed": "h1",
        "unreachable": "h2",
        "next": "fix what is told above, and play it again",
    }


def test_a_unit_that_did_not_come_up_has_not_started() -> None:
    run = Summary(failed=["h"])
    states = {
        "a.service": {"active": "active"},
        "b.service": {"active": "failed"},
        "c.service": {"active": "activating"},
    }
    run.add(
        "h",
        "celery_worker",
        ran(failed=True, states=states, started=["a.service", "b.service"], restarted=["c.service"]),
    )
    told = told_by(run.lines())
    assert (told["started"], told["runs"]) == ("h: a", "h: a")
    assert "restarted" not in told


def test_what_happened_to_units_that_did_not_come_up_is_a_change() -> None:
    run = Summary(failed=["h"])
    run.add(
        "h",
        "celery_worker",
        ran(failed=True, states={"a.service": {"active": "failed"}}, started=["a.service"]),
    )
    assert told_by(run.lines())["changed"] == "celery_worker: 1 on h"


def test_a_playbook_that_only_reads_says_no_more_than_that() -> None:
    run = Summary("status")
    run.add("h", "Show what runs where", ran(states={"a.service": {"active": "active"}}))
    assert run.lines() == ["changed           nothing"]


def test_a_result_that_is_hidden_counts() -> None:
    run = Summary()
    run.add("h", "broker", {"changed": True, "censored": "the output has been hidden"})
    assert told_by(run.lines())["changed"] == "broker: 1 on h"


@given(st.integers(1, 300), st.integers(1, 30), st.booleans(), st.data())
def test_short_and_narrow_for_any_fleet(hosts: int, units: int, check: bool, data: st.DataObject) -> None:
    run = Summary(check=check)
    names = [f"celery-worker@queue-of-a-long-name-{number}-prefork.service" for number in range(units)]
    for number in range(hosts):
        mine = names[: data.draw(st.integers(0, units))] if number < 20 else names
        run.add(f"worker{number}.example.org", "celery_worker", {"changed": True, "changed_paths": names})
        run.add(
            f"worker{number}.example.org",
            "celery_worker",
            ran(states={name: {"active": "active"} for name in mine}, restarted=mine),
        )
    lines = run.lines()
    assert max(map(len, lines)) <= summary.WIDTH
    assert len(lines) <= 60
