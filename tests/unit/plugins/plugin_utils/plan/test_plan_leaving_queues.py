# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A queue that leaves with its last host does not abandon its tasks in silence."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.plan import leaving_queues

GROUPS = {"celery_queue_mail": ["w1"], "celery_queue_empty": []}


def asked(
    workers: dict[str, list[str]], report: dict[str, Any] | None = None, **other: Any
) -> dict[str, Any]:
    hostvars = {host: {"ansible_facts": {"celeryops": {"workers": names}}} for host, names in workers.items()}
    queues: dict[str, Any] = {"mail": {}, "empty": {}}
    return leaving_queues(hostvars, list(workers), groups=GROUPS, queues=queues, report=report, **other)


def told(**queues: int) -> dict[str, Any]:
    return {"stdout": json.dumps({"nodes": {}, "queues": queues})}


@pytest.mark.parametrize(
    "workers", [{"w1": ["mail-prefork"]}, {"w1": [], "w2": ["mail-threads-2"]}, {"w1": [".x"]}]
)
def test_nothing_leaves_where_another_host_serves_the_queue(workers: dict[str, list[str]]) -> None:
    assert asked(workers) == {"queues": [], "reporter": "", "problems": []}


def test_a_queue_with_waiting_tasks_is_refused_with_their_number() -> None:
    found = asked({"w1": ["mail-prefork"], "w2": ["reports-prefork"]}, told(reports=348, mail=2))
    assert (found["queues"], found["reporter"]) == (["reports"], "w2")
    assert found["problems"] == [
        "w2: celery_queue_reports = no host: it leaves the inventory with 348 tasks waiting, and nobody "
        "would run them; let it run empty first, or leave them there for later: "
        "-e celery_worker_leaving_queues=wait"
    ]


def test_a_group_without_hosts_leaves_too() -> None:
    assert asked({"w1": ["empty-prefork"]}, told(empty=1))["queues"] == ["empty"]


def test_an_empty_queue_leaves() -> None:
    assert asked({"w2": ["reports-prefork"]}, told(reports=0))["problems"] == []


def test_what_is_not_known_is_refused() -> None:
    (problem,) = asked({"w2": ["reports-prefork"]}, {"stdout": "", "rc": 1})["problems"]
    assert "the broker could not be asked" in problem


def test_the_operator_may_let_them_wait_and_nobody_is_asked() -> None:
    found = asked({"w2": ["reports-prefork"]}, choice="wait")
    assert (found["reporter"], found["problems"]) == ("", [])


def test_an_unknown_word_is_refused() -> None:
    (problem,) = asked({"w2": ["reports-prefork"]}, told(reports=0), choice="wiat")["problems"]
    assert "did you mean wait?" in problem
