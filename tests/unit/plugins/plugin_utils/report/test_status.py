"""The fleet's status: right with everything well, and right about what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.report import status_table


def unit(instance: str, **other: Any) -> dict[str, Any]:
    """A worker that consumes; beat and the like have no node."""
    name, _dash, pool = instance.rpartition("-")
    return {
        "unit": f"celery-worker@{instance}.service" if name else f"celery-{instance}.service",
        "instance": instance,
        "state": "consuming" if name else "running",
        "active": True,
        "status": None,
        "result": "success",
        "memory_mb": 80,
        "restarts": 0,
        "release": "aaa",
        "node": f"{instance}@worker1" if name else None,
        "queues": [name] if name else [],
        "concurrency": 2 if pool == "prefork" else None,
    } | other


def fleet(**hosts: list[dict[str, Any]] | None) -> dict[str, dict[str, Any]]:
    """hostvars of a fleet; None is a host that did not answer."""
    return {
        host: {"seen": {"unreachable": True} if units is None else {"instances": units}}
        for host, units in hosts.items()
    }


def status(
    hostvars: dict[str, dict[str, Any]], report: dict[str, Any] | None = None, **inventory: Any
) -> dict[str, Any]:
    return status_table(hostvars, list(hostvars), seen="seen", report=report, **inventory)


SEE = "see docs/runbooks/beat-silent.md"
REPORT = {
    "nodes": {"mail-prefork@worker1": {"active": 2, "processed": 120, "concurrency": 4}},
    "queues": {"mail": 7},
}


def test_systemd_and_the_workers_are_joined() -> None:
    found = status(fleet(worker1=[unit("mail-prefork")]), {"stdout": json.dumps(REPORT)})
    assert found["rows"] == [
        {
            "host": "worker1",
            "instance": "mail-prefork",
            "state": "consuming",
            "concurrency": 4,
            "active": 2,
            "processed": 120,
            "queued": 7,
            "memory_mb": 80,
            "restarts": 0,
            "release": "aaa",
        }
    ]
    assert found["notes"] == ["1 of 1 workers consume, 2 tasks run, 7 wait"]


def test_without_the_broker_the_rest_is_still_shown_and_the_reason_told() -> None:
    answer = {"stdout": "", "stderr": "Traceback\nConnectionError: refused\n"}
    waiting = unit("mail-prefork", state="waiting for the broker", status="waiting for the broker, 1 active")
    found = status(fleet(worker1=[waiting]), answer)
    (row,) = found["rows"]
    assert (row["state"], row["concurrency"], row["active"]) == ("waiting for the broker", 2, None)
    assert found["notes"] == [
        "0 of 1 workers consume; tasks and queues are not known: ConnectionError: refused",
        "worker1: mail-prefork: waiting for the broker, 1 active",
    ]


def test_a_host_that_does_not_answer_is_in_the_table() -> None:
    found = status(fleet(worker1=None, worker2=[unit("mail-prefork")]))
    assert found["rows"][0] == {"host": "worker1", "state": "unreachable"}
    assert found["reporter"] == "worker2"


def test_nobody_to_ask() -> None:
    found = status(fleet(worker1=None))
    assert found["reporter"] is None
    assert found["notes"] == [
        "0 of 0 workers consume; tasks and queues are not known: no worker could be asked",
        "no answer from worker1",
    ]


def test_a_failed_unit_says_where_to_look() -> None:
    failed = unit("beat", state="failed", active=False, result="exit-code", restarts=5)
    assert status(fleet(ops1=[failed]))["notes"][1] == (
        "ops1: beat: failed (exit-code, 5 restarts); see journalctl -u celery-beat.service"
    )


def test_what_ails_several_instances_of_a_host_is_told_once() -> None:
    away = {"state": "waiting for the broker", "status": "waiting for the broker"}
    found = status(fleet(worker1=[unit("mail-prefork", **away), unit("images-prefork", **away)]))
    assert found["notes"][1:] == ["worker1: mail-prefork, images-prefork: waiting for the broker"]


def test_a_spare_worker_is_shown_and_not_missed() -> None:
    spare = unit("mail-prefork-2", node="mail-prefork-2@worker1", state="spare", active=False)
    found = status(fleet(worker1=[unit("mail-prefork"), spare]), {"stdout": json.dumps(REPORT)})
    assert found["rows"][1]["state"] == "spare"
    assert found["notes"] == ["1 of 1 workers consume, 1 are spare, 2 tasks run, 7 wait"]


def test_what_waits_in_queues_of_others_is_told_and_not_counted() -> None:
    seen = fleet(worker1=[unit("mail-prefork")])
    report = REPORT | {"queues": {"mail": 7, "celery": 42}}
    found = status(seen, {"stdout": json.dumps(report)}, foreign=["celery", "news"])
    assert found["notes"] == [
        "1 of 1 workers consume, 2 tasks run, 7 wait",
        "left to others: celery (42 wait), news (0 wait)",
    ]
    assert found["document"]["queues"]["celery"] == 42
    # Nobody could be asked.
    assert len(status(seen, foreign=["celery"])["notes"]) == 1


def test_two_releases_at_once_are_told() -> None:
    found = status(fleet(worker1=[unit("mail-prefork"), unit("images-prefork", release="bbb")]))
    assert found["notes"][-1] == "2 releases run at once: aaa, bbb"


def test_a_host_of_the_fleet_without_units_is_in_the_table() -> None:
    assert status(fleet(worker1=[]))["rows"] == [{"host": "worker1", "state": "no unit of ours"}]


def test_hosts_must_be_a_list() -> None:
    with pytest.raises(TypeError, match="hosts must be a list, not str"):
        status_table({}, "worker1", seen="seen")


@pytest.mark.parametrize(
    ("states", "note"),
    [
        ({"ops1": "leader", "ops2": "standby"}, "beat leads on ops1, stands by on ops2"),
        ({"ops1": "standby", "ops2": "standby"}, f"no beat of this inventory leads: {SEE}"),
        ({"ops1": "leader", "ops2": "leader"}, f"beat leads on ops1 and on ops2: {SEE}"),
        ({"ops1": "leader"}, None),
        ({"ops1": "ticking"}, None),
    ],
)
def test_who_leads_is_told_where_it_can_be_asked(states: dict[str, str], note: str | None) -> None:
    hosts = {host: [unit("beat", state=state)] for host, state in states.items()}
    notes = status(fleet(**hosts))["notes"]
    assert [line for line in notes if "beat" in line] == ([note] if note else [])


INVENTORY: dict[str, Any] = {
    "groups": {
        "celery_queue_mail": ["worker1", "worker2"],
        "celery_queue_reports": ["worker3"],
        "celery_beat": ["worker1"],
    },
    "queues": {"mail": {}, "reports": {"consumes": ["reports", "bulk"]}},
}
WELL: dict[str, list[dict[str, Any]] | None] = {
    "worker1": [unit("mail-prefork"), unit("beat")],
    "worker2": [unit("mail-prefork")],
    "worker3": [unit("reports-prefork", queues=["reports", "bulk"])],
}


def test_all_that_the_inventory_asks_for_is_well() -> None:
    found = status(fleet(**WELL), **INVENTORY)
    assert (found["state"], found["reasons"]) == ("well", [])


def test_the_only_host_of_a_queue_is_away() -> None:
    found = status(fleet(**WELL | {"worker3": None}), **INVENTORY)
    assert found["state"] == "unserved"
    assert found["notes"][0].startswith("2 of 3 workers consume")
    assert found["notes"][1:] == [
        "nobody consumes bulk, reports",
        "no answer from worker3",
        "worker3: reports-prefork: unreachable",
    ]
    assert found["document"]["unserved"] == ["bulk", "reports"]


@pytest.mark.parametrize(
    ("host", "units", "reason"),
    [
        ("worker2", [], "worker2: mail-prefork: no such unit; play site"),
        ("worker2", [unit("mail-prefork", state="stopped", active=False)], "worker2: mail-prefork: stopped"),
        ("worker1", [unit("mail-prefork")], "worker1: beat: no such unit; play site"),
        ("worker2", None, "worker2: mail-prefork: unreachable"),
    ],
)
def test_what_is_missing_beside_another_degrades_the_fleet(
    host: str, units: list[dict[str, Any]] | None, reason: str
) -> None:
    found = status(fleet(**WELL | {host: units}), **INVENTORY)
    assert found["state"] == "degraded"
    assert reason in found["reasons"]


def test_a_drained_host_is_not_missed_but_a_queue_that_it_leaves_alone_is() -> None:
    def rests(name: str) -> dict[str, Any]:
        return unit(name, state="drained", active=False, queues=[name.partition("-")[0]])

    assert status(fleet(**WELL | {"worker2": [rests("mail-prefork")]}), **INVENTORY)["state"] == "well"
    assert status(fleet(**WELL | {"worker3": [rests("reports-prefork")]}), **INVENTORY)["state"] == "unserved"


def test_a_limit_does_not_make_a_queue_of_other_hosts_unserved() -> None:
    assert status(fleet(worker2=WELL["worker2"]), **INVENTORY)["state"] == "well"


def test_the_pool_that_is_chosen_follows_the_packages() -> None:
    hostvars = fleet(worker1=[unit("mail-gevent")])
    found = status_table(
        hostvars, ["worker1"], seen="seen", groups={"celery_queue_mail": ["worker1"]},
        queues={"mail": {"workload": "io"}}, packages=["celery[redis]", "gevent"],
    )  # fmt: skip
    assert found["state"] == "well"


def test_a_broker_that_failed_degrades_the_fleet() -> None:
    broker = unit("redis", state="failed", active=False, restarts=0)
    assert status(fleet(**WELL | {"broker1": [broker]}), **INVENTORY)["state"] == "degraded"


def test_a_host_that_answered_and_could_not_be_looked_at_is_not_unreachable() -> None:
    hosts = fleet(**WELL)
    hosts["worker2"] = {"seen": {"failed": False, "msg": "Failed to parse\nunit names"}}
    found = status(hosts, **INVENTORY)
    assert {"host": "worker2", "state": "not looked at"} in found["rows"]
    assert "worker2: answered, but could not be looked at: Failed to parse unit names" in found["notes"]
    assert [note for note in found["notes"] if note.startswith("no answer")] == []
    assert found["state"] == "degraded"
