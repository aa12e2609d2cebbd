# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which units rest when a host is taken out, and when it must stay."""

from __future__ import annotations

from typing import Any

from ansible_collections.celeryops.systemd.plugins.filter.rollout import drain_course
from unit.plugins.plugin_utils.rollout.hosts import beat, host, seen, worker

OTHER = [{"item": "w2", **host(worker("mail"))}]


def drain(fleet: dict[str, Any], **options: Any) -> dict[str, Any]:
    return drain_course(seen(fleet), **options)


def test_the_workers_of_the_host_rest_and_beat_does_not() -> None:
    found = drain({"w1": host(worker("mail", stop_timeout=90), beat())}, elsewhere=OTHER)
    rest = {"name": "celery-worker@mail-prefork.service", "state": "stopped", "enabled": False, "inputs": []}
    (mark,) = found.pop("files")
    assert (mark["path"], mark["once"]) == ("/etc/conf.d/celery/drained", True)
    assert found == {"problems": [], "notes": [], "units": {"w1": [rest]}, "patience": 90}


def test_they_work_again_when_the_host_comes_back() -> None:
    found = drain({"w1": host(worker("mail", state="drained", active=False))}, drained=False)
    work = {"name": "celery-worker@mail-prefork.service", "state": "started", "enabled": True, "inputs": []}
    assert (found["units"], found["problems"]) == ({"w1": [work]}, [])
    assert found["files"] == [{"path": "/etc/conf.d/celery/drained", "state": "absent"}]


def test_an_extra_worker_rests_too_and_its_queue_puts_it_back() -> None:
    fleet = {"w1": host(worker("mail", extra=True))}
    assert drain(fleet, elsewhere=OTHER)["units"]["w1"][0]["state"] == "stopped"
    assert drain(fleet, drained=False)["units"]["w1"] == []


def test_an_extra_worker_elsewhere_may_be_gone_at_any_moment() -> None:
    extra = [{"item": "w2", **host(worker("mail", extra=True))}]
    assert len(drain({"w1": host(worker("mail"))}, elsewhere=extra)["problems"]) == 1


def test_what_has_no_unit_is_not_started() -> None:
    found = drain({"w1": host(worker("mail", state="missing", active=False))}, drained=False)
    assert found["units"] == {"w1": []}


def test_the_last_worker_of_a_queue_stays_unless_it_is_said_that_it_may_go() -> None:
    fleet = {"w1": host(worker("mail"), worker("images"))}
    (problem,) = drain(fleet, elsewhere=OTHER)["problems"]
    assert problem == (
        "w1: --limit = w1: nobody else consumes queue images; let another host serve it first, or let its "
        "tasks wait: -e drain_unserved=true"
    )
    assert drain(fleet, unserved=True)["problems"] == []


def test_a_worker_elsewhere_that_does_not_consume_is_no_help() -> None:
    down = [{"item": "w2", **host(worker("mail", state="failed", active=False))}, {"item": "w3"}]
    assert len(drain({"w1": host(worker("mail"))}, elsewhere=down)["problems"]) == 1


def test_a_host_that_rests_already_may_be_drained_again() -> None:
    assert drain({"w1": host(worker("mail", state="drained", active=False))})["problems"] == []


def test_the_whole_fleet_is_not_drained_by_mistake() -> None:
    (problem,) = drain({"w1": host(worker("mail"))}, elsewhere=OTHER, limited=False)["problems"]
    assert problem == (
        "w1: --limit = '': every worker of the fleet would stop; name those that you want to take out, such "
        "as --limit worker3"
    )


def test_what_else_runs_there_is_said() -> None:
    groups = {"celery_broker": ["w1"], "celery_beat": ["ops"]}
    assert drain({"w1": host(worker("mail"))}, elsewhere=OTHER, groups=groups)["notes"] == [
        "w1 also runs the broker: not drained, and away while the host is"
    ]
