"""The fleet's status: right with everything well, and right about what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.filter.status_table import status_table


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


def status(hostvars: dict[str, dict[str, Any]], report: dict[str, Any] | None = None) -> dict[str, Any]:
    return status_table(hostvars, list(hostvars), seen="seen", report=report)


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


def test_two_releases_at_once_are_told() -> None:
    found = status(fleet(worker1=[unit("mail-prefork"), unit("images-prefork", release="bbb")]))
    assert found["notes"][-1] == "2 releases run at once: aaa, bbb"


def test_a_host_of_the_fleet_without_units_is_in_the_table() -> None:
    assert status(fleet(worker1=[]))["rows"] == [{"host": "worker1", "state": "no unit of ours"}]


def test_hosts_must_be_a_list() -> None:
    with pytest.raises(AnsibleFilterError, match="give a list of hosts"):
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
