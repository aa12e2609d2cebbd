# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What would change, for hosts on which everything, something or nothing runs."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import layout
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.changes import Change, changes
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.instance_files import (
    limit_files,
    worker_files,
    worker_units,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.planning import worker_plan
from hypothesis import given
from hypothesis import strategies as st

FACTS = {"celeryops": {"cores": 4, "memory_mb": 8192}}
TIMERS = {"task_time_limit": 300, "visibility_timeout": 3600}
Queues = Mapping[str, Mapping[str, Any]]
QUEUES: Queues = {"images": {}, "mail": {"workload": "io", "concurrency": 50}}


def wanted(queues: Queues, drained: bool = False) -> dict[str, Any]:
    """The arguments of `changes` that the inventory decides."""
    groups = {f"celery_queue_{queue}": ["w1"] for queue in queues}
    plan = worker_plan(queues, "w1", groups, FACTS, {})
    files = [{"path": layout.TEMPLATE_FILE, "content": "[Service]\nExecStart=celery\n"}]
    written = worker_files(plan["instances"], "celery", "INFO", "journal", queues)
    # As tasks/foresee.yml leaves them: what may be a secret is not compared.
    files += [file for file in written if "diff" not in file] + limit_files(plan)
    return {"files": files, "units": worker_units(plan["instances"], drained), "timers": dict(TIMERS)}


def running(queues: Queues) -> dict[str, Any]:
    """What instance_info sees of a host on which site.yml has put these queues."""
    asked = wanted(queues)
    return {
        "files": {file["path"]: file["content"] for file in asked["files"]},
        "settings": dict(TIMERS),
        "instances": [
            {
                "unit": unit["name"],
                "instance": unit["name"].removeprefix("celery-worker@").removesuffix(".service"),
                "state": "consuming",
                "active": True,
                "enabled": True,
                "pid": 7,
                "newer": [],
            }
            for unit in asked["units"]
            if unit["name"].startswith("celery-worker@")
        ],
    }


def moves(change: Change) -> dict[str, tuple[str | None, str | None]]:
    return {move["number"]: (move["now"], move["planned"]) for move in change["numbers"]}


def test_what_runs_as_planned_stays() -> None:
    assert changes(**wanted(QUEUES), seen=running(QUEUES), traces=["images-prefork", "mail-threads"]) == []


@given(st.integers(1, 900), st.integers(1, 400), st.integers(1, 100), st.booleans())
def test_no_plan_differs_from_itself(app: int, task: int, weight: int, io: bool) -> None:
    queues: dict[str, dict[str, Any]] = {
        "a": {"app_memory_mb": app, "task_memory_mb": task, "arguments": ["--without-mingle", "-Ofair"]},
        "b": {"workload": "io" if io else "mixed", "weight": weight},
    }
    assert changes(**wanted(queues), seen=running(queues)) == []


def test_a_bare_host_starts_everything() -> None:
    found = changes(**wanted(QUEUES), seen={})
    assert [(one["name"], one["action"], one["why"]) for one in found] == [
        ("images-prefork", "start", "is new"),
        ("mail-threads", "start", "is new"),
        ("celery-worker@.service", "write", "is new"),
        ("celery.slice", "write", "is new"),
    ]
    assert all(one["numbers"] == [] for one in found)


def test_a_number_that_moves_restarts_its_instance_alone() -> None:
    more = {**QUEUES, "mail": {"workload": "io", "concurrency": 60}}
    mail, bounds = changes(**wanted(more), seen=running(QUEUES))
    assert (mail["name"], mail["action"]) == ("mail-threads", "restart")
    assert mail["why"] == "worker-mail-threads.env, 50-limits.conf changed"
    assert moves(mail) == {
        "concurrency": ("50", "60"),
        "TasksMax": ("464", "544"),
        "LimitNOFILE": ("1824", "1984"),
    }
    assert (bounds["name"], bounds["action"], list(moves(bounds))) == ("celery.slice", "write", ["TasksMax"])


def test_an_option_that_comes_or_goes_is_a_move_from_or_to_nothing() -> None:
    often = {**QUEUES, "images": {"max_tasks_per_child": 100}}
    (change,) = changes(**wanted(often), seen=running(QUEUES))
    assert moves(change) == {"max_tasks_per_child": (None, "100")}
    (change,) = changes(**wanted(QUEUES), seen=running(often))
    assert moves(change) == {"max_tasks_per_child": ("100", None)}


def test_a_reason_that_changes_restarts_too_and_moves_no_number() -> None:
    seen = running(QUEUES)
    path = "/etc/systemd/system/celery-worker@mail-threads.service.d/50-limits.conf"
    seen["files"][path] = seen["files"][path].replace("its share", "a share")
    (change,) = changes(**wanted(QUEUES), seen=seen)
    assert (change["action"], change["why"], change["numbers"]) == ("restart", "50-limits.conf changed", [])


def test_another_template_restarts_all() -> None:
    seen = running(QUEUES)
    seen["files"][layout.TEMPLATE_FILE] = "[Service]\nExecStart=old\n"
    found = changes(**wanted(QUEUES), seen=seen)
    assert [(one["name"], one["action"]) for one in found] == [
        ("images-prefork", "restart"),
        ("mail-threads", "restart"),
        ("celery-worker@.service", "write"),
    ]


def test_a_timer_of_the_app_restarts_all() -> None:
    asked = wanted(QUEUES)
    asked["timers"]["visibility_timeout"] = 14460
    found = changes(**asked, seen=running(QUEUES))
    assert [(one["name"], one["action"]) for one in found] == [
        ("images-prefork", "restart"),
        ("mail-threads", "restart"),
        ("settings.json", "write"),
    ]
    assert moves(found[-1]) == {"visibility_timeout": ("3600", "14460")}


def test_a_broker_without_a_visibility_timeout_misses_none() -> None:
    seen = running(QUEUES)
    del seen["settings"]["visibility_timeout"]
    assert changes(**wanted(QUEUES), seen=seen) == []


@pytest.mark.parametrize(
    ("row", "action", "why"),
    [
        ({"active": False, "pid": None, "state": "failed"}, "start", "was failed"),
        ({"active": False, "pid": None, "state": "stopped"}, "start", "was stopped"),
        ({"active": False, "pid": None, "state": "missing"}, "start", "is new"),
        ({"enabled": False}, "enable", "does not start with the host"),
        ({"newer": [layout.APP_INPUTS[0]]}, "restart", "app.env newer than its start"),
    ],
)
def test_a_unit_that_is_not_as_it_should_be(row: dict[str, Any], action: str, why: str) -> None:
    seen = running(QUEUES)
    seen["instances"][0].update(row)
    (change,) = changes(**wanted(QUEUES), seen=seen)
    assert (change["name"], change["action"], change["why"]) == ("images-prefork", action, why)


def test_one_that_starts_and_has_not_finished_is_left_to_it() -> None:
    seen = running(QUEUES)
    seen["instances"][0].update(active=False, pid=8, state="starting")
    assert changes(**wanted(QUEUES), seen=seen) == []


def test_an_extra_instance_restarts_where_it_runs_and_nobody_starts_it() -> None:
    scaled = {**QUEUES, "images": {"scale": {"max_instances": 2}}}
    one, many = wanted(QUEUES), wanted(scaled)
    assert [unit["name"] for unit in many["units"] if unit.get("optional")] == [
        "celery-worker@images-prefork-2.service"
    ]
    found = {change["name"]: change["action"] for change in changes(**many, seen=running(QUEUES))}
    assert found["images-prefork-2"] == "write"
    seen = running(scaled)
    assert changes(**many, seen=seen) == []
    extra = next(row for row in seen["instances"] if row["instance"] == "images-prefork-2")
    extra.update(active=False, pid=None, state="stopped", enabled=False)
    assert changes(**many, seen=seen) == []
    extra.update(active=True, pid=9, newer=["/etc/conf.d/celery/app.env"])
    (change,) = changes(**many, seen=seen)
    assert (change["name"], change["action"]) == ("images-prefork-2", "restart")
    left = {change["name"]: change["action"] for change in changes(**one, seen=seen)}
    assert left["images-prefork-2"] == "stop"


def test_the_scalers_files_come_and_go() -> None:
    asked, seen = wanted(QUEUES), running(QUEUES)
    asked["files"].append({"path": layout.SCALE, "content": "{}"})
    (change,) = changes(**asked, seen=seen)
    assert (change["name"], change["action"], change["why"]) == ("scale.json", "write", "is new")
    seen["files"][layout.SCALE] = "{}"
    assert changes(**asked, seen=seen) == []
    (change,) = changes(**wanted(QUEUES), seen=seen)
    assert (change["name"], change["action"]) == ("scale.json", "remove")


def test_what_left_the_inventory_stops_and_its_traces_go() -> None:
    few = {"mail": QUEUES["mail"]}
    seen = running({**QUEUES, "old": {}})
    seen["instances"][2].update(active=False, pid=None, state="failed")
    found = changes(**wanted(few), seen=seen, traces=["images-prefork", "mail-threads", "ancient-solo"])
    leaving = {one["name"]: one["action"] for one in found if one["why"] == "left the inventory"}
    assert leaving == {"ancient-solo": "remove", "images-prefork": "stop", "old-prefork": "remove"}


def test_on_a_drained_host_files_are_written_and_nothing_starts() -> None:
    seen = running(QUEUES)
    for row in seen["instances"]:
        row.update(active=False, pid=None, state="drained", enabled=False)
    assert changes(**wanted(QUEUES, drained=True), seen=seen) == []
    more = {**QUEUES, "mail": {"workload": "io", "concurrency": 60}}
    mail, _bounds = changes(**wanted(more, drained=True), seen=seen)
    assert (mail["action"], moves(mail)["concurrency"]) == ("write", ("50", "60"))
    awake = deepcopy(seen)
    awake["instances"][0].update(active=True, pid=3)
    (change,) = changes(**wanted(QUEUES, drained=True), seen=awake)
    assert (change["action"], change["why"]) == ("stop", "the host is drained")
