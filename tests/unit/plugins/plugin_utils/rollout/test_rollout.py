# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What restarts when, seen through the filter that the playbooks use."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.filter.rollout import rollout_course
from unit.plugins.plugin_utils.rollout.hosts import beat, facts, flower, host, seen, worker


def course(fleet: dict[str, Any], **options: Any) -> dict[str, Any]:
    return rollout_course(seen(fleet), facts(fleet), **options)


def order(found: dict[str, Any]) -> list[list[str]]:
    return [
        [f"{name}/{unit}" for name, units in batch["units"].items() for unit in units]
        for batch in found["batches"]
    ]


def test_workers_go_first_then_beat_then_flower() -> None:
    fleet = {"ops": host(beat(), flower()), "w1": host(worker("mail")), "w2": host(worker("mail"))}
    found = course(fleet)
    assert order(found) == [
        ["w1/celery-worker@mail-prefork.service"],
        ["w2/celery-worker@mail-prefork.service"],
        ["ops/celery-beat.service"],
        ["ops/celery-flower.service"],
    ]
    assert found["batches"][0]["title"] == "1 of 4: w1 (mail-prefork)"
    restart = {"w1": [{"name": "celery-worker@mail-prefork.service", "state": "restarted"}]}
    assert found["batches"][0]["restart"] == restart
    assert found["batches"][0]["nodes"] == {"w1": ["mail-prefork@w1"]}
    assert found["notes"] == []


def test_only_what_is_named_restarts() -> None:
    fleet = {"w1": host(worker("mail"), worker("images")), "w2": host(worker("mail")), "ops": host(beat())}
    found = course(fleet, only={"w1": ["celery-worker@images-prefork.service"], "w2": []})
    assert order(found) == [["w1/celery-worker@images-prefork.service"]]


def test_on_the_way_back_beat_goes_before_the_workers() -> None:
    fleet = {"w1": host(worker("mail"), beat(), release="new")}
    found = course(fleet, release="old", beat_first=True)
    assert order(found) == [["w1/celery-beat.service"], ["w1/celery-worker@mail-prefork.service"]]


def test_a_batch_expects_what_worked_before_and_what_it_restarts() -> None:
    failed = worker("images", state="failed", active=False)
    fleet = {"w1": host(worker("mail"), failed), "w2": host(worker("mail"))}
    first, second = course(fleet)["batches"]
    assert first["units"]["w1"] == [
        "celery-worker@images-prefork.service",
        "celery-worker@mail-prefork.service",
    ]
    assert sorted(first["expect"]["w1"]) == first["units"]["w1"]
    assert first["expect"]["w2"] == second["units"]["w2"]


def test_the_slowest_drain_bounds_the_batch() -> None:
    fleet = {"w1": host(worker("mail", stop_timeout=30), worker("images", stop_timeout=330))}
    (batch,) = course(fleet)["batches"]
    assert batch["patience"] == 330


def test_what_was_stopped_or_drained_is_left_alone_and_named() -> None:
    resting = worker("mail", state="drained", active=False)
    stopped = worker("images", state="stopped", active=False)
    fleet = {"w1": host(resting, stopped), "w2": host(worker("mail"))}
    found = course(fleet)
    assert order(found) == [["w2/celery-worker@mail-prefork.service"]]
    assert found["notes"] == [
        "batch 1: only w2 consumes mail: nobody does while it restarts",
        "left alone, because drained: w1 (mail-prefork)",
        "left alone, because stopped: w1 (images-prefork)",
    ]


def test_extra_workers_restart_and_nobody_counts_on_them() -> None:
    names = {"instance": "mail-prefork-2", "unit": "celery-worker@mail-prefork-2.service"}
    running = worker("mail", extra=True, **names)
    spare = worker("images", extra=True, state="spare", active=False)
    found = course({"w1": host(worker("mail"), running, spare), "w2": host(worker("mail"))}, min_capacity=0.1)
    restart = [want for batch in found["batches"] for want in batch["restart"].get("w1", [])]
    assert {"name": names["unit"], "optional": True, "state": "restarted"} in restart
    assert restart.count({"name": worker("mail")["unit"], "state": "restarted"}) == 1
    inputs = ["/opt/celery/current"]
    assert {"name": spare["unit"], "optional": True, "state": "started", "inputs": inputs} in restart
    assert not any(names["unit"] in batch["expect"]["w1"] for batch in found["batches"])
    assert not any(len(batch["nodes"].get("w1", [])) > 1 for batch in found["batches"])
    assert "left alone, because spare: w1 (images-prefork)" in found["notes"]


def test_a_worker_that_waits_for_the_broker_is_no_consumer() -> None:
    waiting = worker("mail", state="waiting for the broker")
    found = course({"w1": host(worker("mail")), "w2": host(waiting)})
    assert [list(batch["units"]) for batch in found["batches"]] == [["w2"], ["w1"]]
    assert found["notes"] == ["batch 2: only w1 consumes mail: nobody does while it restarts"]


def test_capacity_that_falls_below_the_share_is_said() -> None:
    fleet = {"w1": host(worker("mail", concurrency=6)), "w2": host(worker("mail", concurrency=2))}
    assert course(fleet)["notes"] == [
        "batch 2: 25% of the capacity stays while w1 restarts, of mail; rollout_min_capacity asks for 50%"
    ]
    assert course(fleet, min_capacity="0.2")["notes"] == []


def test_workers_that_the_play_leaves_out_count_and_stay() -> None:
    elsewhere = [{"item": "w2", **host(worker("mail"))}, {"item": "w3", "unreachable": True}]
    found = course({"w1": host(worker("mail"))}, elsewhere=elsewhere)
    assert order(found) == [["w1/celery-worker@mail-prefork.service"]]
    assert found["batches"][0]["expect"] == found["batches"][0]["units"]
    assert found["notes"] == ["w3 gives no answer: its workers do not count"]


def test_a_run_that_was_stopped_goes_on_with_what_has_not_restarted_since() -> None:
    fleet = {"w1": host(worker("mail", uptime=60)), "w2": host(worker("mail", uptime=3600))}
    then = datetime.now(timezone.utc) - timedelta(minutes=10)
    for since in (then.strftime("%Y-%m-%dT%H:%M:%SZ"), then.astimezone().isoformat()):
        assert order(course(fleet, since=since)) == [["w2/celery-worker@mail-prefork.service"]]


def test_a_release_moves_only_what_does_not_run_it() -> None:
    done, left = worker("mail", release="new"), worker("mail", release="old")
    fleet = {"w1": host(done, release="new"), "w2": host(left, flower(), release="old")}
    found = course(fleet, release="new")
    assert order(found) == [["w2/celery-worker@mail-prefork.service"]]
    assert found["batches"][0]["switch"] == {"w2": "new"}
    assert found["batches"][0]["link"]["w2"] == [
        {"path": "/opt/celery/current", "state": "link", "target": "releases/new"}
    ]
    assert found["former"] == {"w1": "old", "w2": "old"}
    link, mark = found["back"]["w1"]
    assert link == {"path": "/opt/celery/current", "state": "link", "target": "releases/old"}
    assert (mark["path"], mark["content"]) == ("/opt/celery/.rolled_back", "new\n")


def test_a_worker_that_still_runs_the_old_release_moves_where_the_link_has_moved_already() -> None:
    fleet = {"w1": host(worker("mail", release="old"), release="new")}
    found = course(fleet, release="new")
    assert order(found) == [["w1/celery-worker@mail-prefork.service"]]
    assert found["batches"][0]["switch"] == {}
    assert found["former"] == {"w1": "old"}


def test_nothing_moves_where_the_release_runs() -> None:
    found = course({"w1": host(worker("mail", release="new"), release="new")}, release="new")
    assert (found["batches"], found["notes"]) == ([], ["nothing to restart"])


def test_each_host_is_switched_once_with_the_first_of_its_units() -> None:
    fleet = {
        "w1": host(worker("mail"), worker("images"), release="old"),
        "w2": host(worker("mail"), release="old"),
    }
    found = course(fleet, release="new")
    assert [batch["switch"] for batch in found["batches"]] == [{"w1": "new"}, {"w2": "new"}, {}]


def test_a_host_at_rest_is_switched_too() -> None:
    resting = worker("mail", state="drained", active=False, release=None)
    fleet = {"w1": host(resting, release="old"), "w2": host(worker("mail"), release="old")}
    assert course(fleet, release="new")["batches"][0]["switch"] == {"w1": "new", "w2": "new"}
    (batch,) = course({"w1": host(resting, release="old")}, release="new")["batches"]
    assert (batch["switch"], batch["units"]) == ({"w1": "new"}, {})
    assert batch["title"] == "1 of 1: nothing runs, only the link changes"


def test_without_a_former_release_nothing_can_go_back() -> None:
    fleet = {"w1": host(worker("mail", release=None, state="failed", active=False), release="")}
    found = course(fleet, release="new")
    assert (found["former"], found["back"]) == ({"w1": ""}, {})


def test_on_the_way_back_each_host_goes_to_its_own_release_and_one_without_stays() -> None:
    fleet = {
        "w1": host(worker("mail", release="new"), release="new"),
        "w2": host(worker("mail", release="new"), release="new"),
    }
    found = course(fleet, targets={"w1": "old", "w2": ""}, beat_first=True)
    assert order(found) == [["w1/celery-worker@mail-prefork.service"]]
    assert course(fleet, targets={"w1": "", "w2": ""})["batches"] == []


def test_many_hosts_are_counted_and_not_named() -> None:
    fleet = {f"w{n}": host(worker("mail"), worker("images")) for n in range(8)}
    assert course(fleet)["batches"][0]["title"] == "1 of 2: 8 units on 4 hosts"


def test_the_table_shows_each_unit_with_its_batch() -> None:
    assert course({"w1": host(worker("mail", release="old"))})["rows"] == [
        {
            "batch": 1,
            "host": "w1",
            "instance": "mail-prefork",
            "queues": "mail",
            "state": "consuming",
            "release": "old",
        }
    ]


@pytest.mark.parametrize("share", ["70", -0.1, "half", None])
def test_a_share_that_is_none_is_refused(share: object) -> None:
    with pytest.raises(AnsibleFilterError, match=f"rollout_min_capacity = {share}: is no share; give a"):
        course({"w1": host(worker("mail"))}, min_capacity=share)


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="rollout_since = yesterday: is no time; give one such as"):
        course({"w1": host(worker("mail"))}, since="yesterday")
