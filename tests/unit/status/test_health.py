# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The inventory is the truth: what should run and does not counts, also on a host that is away."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.status_table import status_table

QUEUES = {"mail": {"pool": "threads"}, "video": {"pool": "prefork", "consumes": ["video", "clips"]}}
GROUPS = {
    "celery": ["w1", "w2", "hub"],
    "celery_queue_mail": ["w1", "w2"],
    "celery_queue_video": ["w2"],
    "celery_beat": ["hub"],
    "celery_flower": ["hub"],
}


def worker(instance: str, host: str, state: str = "consuming", **other: Any) -> dict[str, Any]:
    return {
        "unit": f"celery-worker@{instance}.service", "instance": instance, "state": state, "active": True,
        "status": None, "result": "success", "memory_mb": 80, "restarts": 0, "release": "a",
        "node": f"{instance}@{host}", "queues": [], "concurrency": 2, **other,
    }  # fmt: skip


def service(name: str, active: bool = True) -> dict[str, Any]:
    row = worker(name, "", "running", active=active)
    return {**row, "unit": f"celery-{name}.service", "node": None}


WELL: dict[str, Any] = {
    "w1": {"instances": [worker("mail-threads", "w1")]},
    "w2": {"instances": [worker("mail-threads", "w2"), worker("video-prefork", "w2")]},
    "hub": {"instances": [service("beat"), service("flower")]},
}


def told(hosts: list[str] | None = None, **seen: Any) -> tuple[str, list[str]]:
    hostvars = {
        host: {"celery_worker_queues": QUEUES, "seen": found} for host, found in {**WELL, **seen}.items()
    }
    shown = status_table(hostvars, hosts or list(hostvars), seen="seen", groups=GROUPS)
    return shown["state"], shown["notes"]


def test_all_is_well() -> None:
    state, notes = told()
    assert state == "well"
    assert notes[0].startswith("3 of 3 workers consume")


def test_the_only_host_of_a_queue_is_away() -> None:
    state, notes = told(w2={"unreachable": True})
    assert state == "unserved"
    assert notes[0].startswith("1 of 3 workers consume")
    assert "no worker consumes clips, video" in notes
    assert "w2: mail-threads, video-prefork: cannot be looked at" in notes
    assert "no answer from w2" in notes


def test_one_of_two_hosts_of_a_queue_is_away() -> None:
    state, notes = told(w1={"unreachable": True})
    assert state == "degraded"
    assert notes[0].startswith("2 of 3 workers consume")


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        ({"w1": {"instances": []}}, "degraded"),
        ({"w1": {"instances": [worker("mail-threads", "w1", "failed", active=False)]}}, "degraded"),
        ({"w1": {"instances": [worker("mail-threads", "w1", "waiting")]}}, "degraded"),
        ({"w1": {"instances": [worker("mail-threads", "w1", "drained", active=False)]}}, "well"),
        ({"hub": {"instances": [service("flower")]}}, "degraded"),
        ({"hub": {"instances": [service("beat", active=False), service("flower")]}}, "degraded"),
        ({"w2": {"instances": [worker("mail-threads", "w2")]}}, "unserved"),
        ({"w2": {"instances": [worker("video-prefork", "w2", "failed", active=False)]}}, "unserved"),
    ],
)
def test_what_does_not_run_counts(seen: dict[str, Any], state: str) -> None:
    assert told(**seen)[0] == state


def test_of_some_hosts_alone_nobody_tells_that_a_queue_is_unserved() -> None:
    assert told(["w1"], w1={"instances": [worker("mail-threads", "w1", "waiting")]})[0] == "degraded"


def test_a_host_that_answers_and_cannot_be_looked_at_is_no_silent_one() -> None:
    _state, notes = told(w1={"failed": True, "msg": "worker-.env: not an instance"})
    assert "w1 answered, but what it runs cannot be told: worker-.env: not an instance" in notes
    assert not any(note.startswith("no answer from") for note in notes)
