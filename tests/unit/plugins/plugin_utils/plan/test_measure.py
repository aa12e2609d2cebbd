# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is written down from what was measured, and when it is not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.report import memory_advice
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import spec
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.planning import worker_plan
from hypothesis import given
from hypothesis import strategies as st


def process(peak: int) -> dict[str, Any]:
    return {"pid": 7, "rss_mb": peak - 1, "pss_mb": peak - 2, "peak_mb": peak}


def instance(name: str, parent: int, *children: int, **other: Any) -> dict[str, Any]:
    return {
        "instance": name,
        "node": f"{name}@w1",
        "pool": "prefork" if children else "threads",
        "concurrency": 4,
        "uptime": 90_000,
        "parent": process(parent),
        "children": [process(child) for child in children],
        "pss_mb": parent + 10,
        "cgroup": {"current_mb": 100, "peak_mb": 200, "limit_mb": 600, "oom_kills": 0},
        **other,
    }


def node(processed: int = 1000, **other: int) -> dict[str, int]:
    return {"processed": processed, "ready_mb": 60, "most_active": 4, "child_peak_mb": 0, **other}


def advice(
    queues: dict[str, Any], instances: list[dict[str, Any]], nodes: dict[str, dict[str, int]], **limits: int
) -> dict[str, Any]:
    hostvars = {"w1": {"found": {"instances": instances}}}
    report = {"stdout": json.dumps({"nodes": nodes, "queues": {}})}
    return memory_advice(hostvars, queues, ["w1"], found="found", report=report, **limits)


def test_what_a_queue_hides_is_not_written_out() -> None:
    queues = {"images": {"weight": 2, "environment": {"TOKEN": "s3cr3t"}}}
    said = advice(queues, [instance("images-prefork", 60, 80, 140)], {"images-prefork@w1": node()})
    assert said["queues"] == {"images": {"weight": 2, "app_memory_mb": 70, "task_memory_mb": 100}}
    assert said["notes"] == ["images: keep its environment, which is not shown"]


def test_prefork_writes_the_parent_and_what_the_largest_child_adds() -> None:
    said = advice(
        {"images": {"weight": 2}}, [instance("images-prefork", 60, 80, 140)], {"images-prefork@w1": node()}
    )
    # 60 + a tenth; (140 - 60) + a quarter, both to the next 5
    assert said["queues"] == {"images": {"weight": 2, "app_memory_mb": 70, "task_memory_mb": 100}}
    assert said["notes"] == []
    (row,) = said["rows"]
    assert (row["app"], row["task"]) == ("100 → 70", "50 → 100")
    assert (row["parent"], row["child"], row["pss"], row["peak"], row["limit"]) == (60, 140, 70, 200, 600)


def test_a_child_that_was_replaced_counts() -> None:
    said = advice(
        {"images": {}},
        [instance("images-prefork", 60, 61)],
        {"images-prefork@w1": node(child_peak_mb=160)},
    )
    assert said["queues"]["images"]["task_memory_mb"] == 125


def test_threads_divide_what_came_on_top_by_the_most_that_ran_at_once() -> None:
    said = advice({"mail": {"workload": "io"}}, [instance("mail-threads", 100)], {"mail-threads@w1": node()})
    assert said["queues"] == {"mail": {"workload": "io", "app_memory_mb": 70, "task_memory_mb": 15}}
    assert said["rows"][0]["task"] == "10 → 15"
    assert said["rows"][0]["child"] is None


def test_a_queue_takes_the_most_of_its_hosts_pools_and_extra_instances() -> None:
    instances = [
        instance("mail-prefork", 60, 70),
        instance("mail-prefork-2", 60, 100),
        instance("mail-threads", 80),
    ]
    nodes = {f"{name}@w1": node() for name in ("mail-prefork", "mail-prefork-2", "mail-threads")}
    said = advice({"mail": {}}, instances, nodes)
    assert said["queues"] == {"mail": {"app_memory_mb": 70, "task_memory_mb": 50}}
    assert [(row["pool"], row["units"], row["tasks"]) for row in said["rows"]] == [
        ("prefork", 2, 2000),
        ("threads", 1, 1000),
    ]


@pytest.mark.parametrize(
    ("nodes", "uptime", "why"),
    [
        ({"mail-threads@w1": node(processed=12)}, 90_000, "12 of 300 tasks"),
        ({"mail-threads@w1": node()}, 600, "up 600 of 3600 s"),
        ({"mail-threads@w1": node(processed=0)}, None, "0 of 300 tasks, up 0 of 3600 s"),
        ({}, 90_000, "its workers could not all be asked, 0 of 300 tasks"),
    ],
)
def test_too_little_to_judge_keeps_what_there_is(
    nodes: dict[str, dict[str, int]], uptime: int | None, why: str
) -> None:
    queues = {"mail": {"workload": "io", "task_memory_mb": 9}}
    said = advice(queues, [instance("mail-threads", 100, uptime=uptime)], nodes)
    assert said["queues"] == queues
    assert "→" not in f"{said['rows']}"
    assert said["notes"] == [f"mail: not judged yet: {why}"]


def test_an_older_agent_does_not_tell_enough() -> None:
    said = advice({"mail": {}}, [instance("mail-threads", 100)], {"mail-threads@w1": {"processed": 1000}})
    assert said["queues"] == {"mail": {}}
    assert said["notes"] == ["mail: not judged yet: its agent does not tell what it used at its start"]


def test_what_is_enough_can_be_told() -> None:
    queues: dict[str, Any] = {"mail": None}
    few = {"mail-threads@w1": node(processed=12)}
    said = advice(queues, [instance("mail-threads", 100, uptime=5)], few, min_tasks=12, min_uptime=5)
    assert said["queues"] == {"mail": {"app_memory_mb": 70, "task_memory_mb": 15}}


def test_where_the_kernel_killed_more_is_written_and_told() -> None:
    cgroup = {"current_mb": 100, "peak_mb": 600, "limit_mb": 600, "oom_kills": 2}
    said = advice(
        {"images": {}},
        [instance("images-prefork", 60, 140, cgroup=cgroup)],
        {"images-prefork@w1": node()},
    )
    assert said["queues"]["images"]["task_memory_mb"] == 120
    assert said["notes"] == ["images: 2 processes were killed at their limit: measure again"]


def test_a_queue_without_a_worker_and_a_host_without_an_answer() -> None:
    said = memory_advice({"w1": {}}, {"mail": {}}, ["w1"], found="found")
    assert said["rows"] == [{"queue": "mail"}]
    assert said["reporter"] is None
    assert said["notes"] == ["mail: not judged yet: no instance runs", "no answer from w1"]


def test_a_unit_that_is_no_queues_is_left_out() -> None:
    strangers = [instance("celery", 50), instance("gone-threads", 50)]
    assert advice({"mail": {}}, strangers, {})["rows"] == [{"queue": "mail"}]


@pytest.mark.parametrize("queues", [["mail"], {"mail": 3}])
def test_queues_are_dictionaries(queues: Any) -> None:
    with pytest.raises(TypeError, match=r"celery_worker_queues(\.mail)? must be a dictionary, not "):
        memory_advice({}, queues, [], found="found")


def test_hosts_are_a_list() -> None:
    with pytest.raises(TypeError, match="hosts must be a list, not str"):
        memory_advice({}, {}, "w1", found="found")


@given(
    parent=st.integers(1, 2000),
    children=st.lists(st.integers(1, 3000), min_size=1, max_size=8),
    reaped=st.integers(0, 3000),
)
def test_the_plan_holds_what_prefork_was_seen_to_use(parent: int, children: list[int], reaped: int) -> None:
    """The instance that the plan makes of the values has room for the parent and the largest child."""
    said = advice(
        {"q": {"concurrency": 1}},
        [instance("q-prefork", parent, *children)],
        {"q-prefork@w1": node(child_peak_mb=reaped)},
    )
    groups = {"celery_queue_q": ["w1"]}
    facts = {"celeryops": {"cores": 2, "memory_mb": 64_000}}
    (planned,) = worker_plan(said["queues"], "w1", groups, facts, {})["instances"]
    largest = max(*children, reaped)
    assert planned["memory_high_mb"] >= parent + largest
    assert (planned["max_memory_per_child_kb"] or 0) >= 1024 * largest
    wanted, problems = spec.read("q", said["queues"]["q"], 270, 300)
    assert wanted
    assert not problems
    assert wanted.app_memory_mb + wanted.task_memory_mb >= largest


@given(parent=st.integers(1, 4000), ready=st.integers(1, 4000), most=st.integers(0, 50))
def test_the_values_hold_what_threads_were_seen_to_use(parent: int, ready: int, most: int) -> None:
    said = advice(
        {"q": {}}, [instance("q-threads", parent)], {"q-threads@w1": node(ready_mb=ready, most_active=most)}
    )
    keys = said["queues"]["q"]
    assert keys["app_memory_mb"] + max(most, 1) * keys["task_memory_mb"] >= parent


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=5), st.integers(1, 500))
def test_a_larger_child_never_gives_less(children: list[int], more: int) -> None:
    def task(sizes: list[int]) -> int:
        said = advice({"q": {}}, [instance("q-prefork", 50, *sizes)], {"q-prefork@w1": node()})
        return int(said["queues"]["q"]["task_memory_mb"])

    assert task([*children, max(children) + more]) >= task(children)
