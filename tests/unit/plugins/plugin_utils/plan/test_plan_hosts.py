# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The plans of known hosts, and the refusals of hosts that are too small."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils import naming
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import PlanError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import planning
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.planning import HostPlan
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.sizing import InstancePlan


def planned(queues: dict[str, Any], cores: float, memory_mb: int, *roles: str, **defaults: Any) -> HostPlan:
    """Return the plan of w1, which serves every queue."""
    groups = {naming.group_of(queue): ["w1"] for queue in queues} | {
        f"celery_{role}": ["w1"] for role in roles
    }
    return planning.worker_plan(
        queues, "w1", groups, {"celeryops": {"cores": cores, "memory_mb": memory_mb}}, defaults
    )


def only(host: HostPlan) -> InstancePlan:
    """Return the one instance of a plan."""
    (instance,) = host["instances"]
    return instance


def refusals(queues: dict[str, Any], cores: float, memory_mb: int, *roles: str, **defaults: Any) -> list[str]:
    """Return why there is no plan."""
    with pytest.raises(PlanError) as caught:
        planned(queues, cores, memory_mb, *roles, **defaults)
    return str(caught.value).splitlines()


def concurrency(host: HostPlan) -> dict[str, int]:
    """Return how many tasks each instance runs at a time."""
    return {instance["name"]: instance["concurrency"] for instance in host["instances"]}


def test_a_plain_worker_in_full() -> None:
    host = planned({"mail-high": {}}, 4, 8192)
    instance = only(host)
    why = instance.pop("why")  # type: ignore[misc]
    assert instance == {
        "name": "mail-high-prefork",
        "unit": "celery-worker@mail-high-prefork.service",
        "node": "mail-high-prefork@w1",
        "queue": "mail-high",
        "consumes": ["mail-high"],
        "pool": "prefork",
        "app_memory_mb": 100,
        "concurrency": 4,
        "autoscale": None,
        "prefetch_multiplier": 1,
        "max_tasks_per_child": None,
        "memory_swap_max_mb": 0,
        "oom_policy": "continue",
        "cpu_quota": None,
        "max_memory_per_child_kb": 1024 * ((6634 - 100) // 4 - 50),
        "memory_high_mb": 6634,
        "memory_max_mb": 7372,
        "cpu_weight": 100,
        "tasks_max": 64 + 4 * 36,
        "limit_nofile": 1024 + 4 * 16,
        "soft_time_limit": 270,
        "time_limit": 300,
        "stop_timeout": 330,
        "stop_within": None,
        "proc_alive_timeout": 34,
        "arguments": [],
        "scale": None,
    }
    assert why["concurrency"] == "100% of 4 cores by weight, 1 slot a core; the memory would allow 43"
    assert host["reserve"] == {
        "memory_mb": 820,
        "cores": 0.0,
        "parts": {"system": 819},
        "why": "system 819 MB",
    }
    assert host["slice"] == {
        "memory_high_mb": 6634,
        "memory_max_mb": 7372,
        "memory_swap_max_mb": 0,
        "tasks_max": 208,
        "why": "the sum of mail-high-prefork",
    }
    assert (host["host"], host["cores"], host["memory_mb"]) == ("w1", 4.0, 8192)


@pytest.mark.parametrize(
    ("spec", "cores", "memory_mb", "expected"),
    [
        ({}, 1, 960, {"q-prefork": 1}),
        ({}, 16, 32768, {"q-prefork": 16}),
        ({}, 1.5, 4096, {"q-prefork": 2}),
        ({}, 16, 2048, {"q-prefork": 10}),
        ({"workload": "mixed"}, 4, 8192, {"q-prefork": 11}),
        ({"workload": "mixed", "wait_ratio": 4}, 4, 8192, {"q-prefork": 26}),
        ({"workload": "io"}, 4, 8192, {"q-threads": 61}),
        ({"workload": "io"}, 1, 960, {"q-threads": 53}),
        ({"workload": "io", "wait_ratio": 199}, 4, 8192, {"q-threads": 222}),
        ({"workload": "io", "wait_ratio": 9}, 4, 8192, {"q-threads": 50}),
        ({"workload": "io", "wait_ratio": 999, "pool": "gevent"}, 8, 65536, {"q-gevent": 1000}),
        ({"workload": "io", "task_memory_mb": 100}, 4, 4096, {"q-threads": 32}),
        ({"workload": "io", "max_concurrency": 20}, 4, 8192, {"q-threads": 20}),
        ({"workload": "io", "concurrency": 7}, 4, 8192, {"q-threads": 7}),
        ({"workload": "io", "concurrency": 2000, "task_memory_mb": 1}, 4, 8192, {"q-threads": 2000}),
        ({"workload": "io", "pool": "prefork"}, 4, 32768, {"q-prefork": 40}),
        ({"workload": "io", "pool": "prefork", "wait_ratio": 19}, 4, 32768, {"q-prefork": 94}),
        ({"pool": "threads"}, 8, 8192, {"q-threads": 1}),
        ({"pool": "solo"}, 8, 8192, {"q-solo": 1}),
        ({"pools": ["solo", "prefork"], "concurrency": 3}, 8, 8192, {"q-prefork": 3, "q-solo": 1}),
        ({"workload": "io", "pools": ["prefork", "threads"]}, 2, 8192, {"q-prefork": 10, "q-threads": 61}),
        ({"concurrency": 9}, 2, 8192, {"q-prefork": 9}),
        ({"min_concurrency": 4}, 2, 8192, {"q-prefork": 4}),
        ({"max_concurrency": 3}, 16, 65536, {"q-prefork": 3}),
        ({"order": "strict"}, 16, 65536, {"q-solo": 1}),
        ({"order": "strict", "pool": "prefork"}, 16, 65536, {"q-prefork": 1}),
        ({"cpu_quota": 150}, 16, 65536, {"q-prefork": 2}),
        ({"cpu_quota": 150, "workload": "mixed", "wait_ratio": 3}, 16, 65536, {"q-prefork": 10}),
        ({"cpu_quota": 150, "min_concurrency": 4}, 16, 65536, {"q-prefork": 4}),
        ({"cpu_quota": 150, "concurrency": 12}, 16, 65536, {"q-prefork": 12}),
        ({"cpu_quota": 1600}, 2, 65536, {"q-prefork": 2}),
        ({"cpu_quota": 50, "workload": "io"}, 16, 65536, {"q-threads": 25}),
    ],
)
def test_one_queue(spec: dict[str, Any], cores: float, memory_mb: int, expected: dict[str, int]) -> None:
    assert concurrency(planned({"q": spec}, cores, memory_mb)) == expected


def test_four_queues_on_a_small_host() -> None:
    queues = {"mail": {"workload": "io"}, "img": {}, "video": {"weight": 2}, "mix": {"workload": "mixed"}}
    host = planned(queues, 2, 1960)
    assert concurrency(host) == {"img-prefork": 1, "mail-threads": 20, "mix-prefork": 1, "video-prefork": 1}
    assert sum(instance["memory_max_mb"] for instance in host["instances"]) <= 1960 - 256


def test_a_host_with_every_role() -> None:
    host = planned({"mail": {}, "img": {}}, 4, 4096, "broker", "beat", "flower")
    assert host["reserve"]["parts"] == {"system": 409, "broker": 512, "beat": 256, "flower": 256}
    assert host["reserve"]["cores"] == 1.0
    assert (
        host["reserve"]["why"]
        == "system 409 MB, broker 512 MB, beat 256 MB, flower 256 MB; a core for the broker"
    )
    assert concurrency(host) == {"img-prefork": 2, "mail-prefork": 1}
    instances = sum(instance["memory_max_mb"] for instance in host["instances"])
    assert host["slice"]["memory_max_mb"] == instances + 256 + 256
    assert host["slice"]["memory_max_mb"] + 409 + 512 <= 4096
    tasks = sum(instance["tasks_max"] for instance in host["instances"])
    assert host["slice"]["tasks_max"] == tasks + 2 * 64
    high = sum(instance["memory_high_mb"] for instance in host["instances"])
    assert host["slice"]["memory_high_mb"] == high + 256 + 256


def test_a_small_host_with_every_role_still_works() -> None:
    host = planned({"mail": {}}, 1, 960, "broker", "beat", "flower")
    assert concurrency(host) == {"mail-prefork": 1}
    assert host["reserve"]["cores"] == 0.0
    assert "no core to spare for the broker" in host["reserve"]["why"]


def test_a_host_without_queues_has_no_instance() -> None:
    host = planning.worker_plan(
        {"mail": {}}, "b1", {"celery_queue_mail": ["w1"]}, {"celeryops": {"cores": 2, "memory_mb": 2048}}, {}
    )
    assert host["instances"] == []


def test_autoscale_within_what_the_host_allows() -> None:
    spec = {"autoscale": True, "min_concurrency": 2}
    assert only(planned({"q": spec}, 8, 8192))["autoscale"] == {"min": 2, "max": 8}
    assert only(planned({"q": spec}, 2, 8192))["autoscale"] is None


def test_what_the_spec_says_reaches_the_instance() -> None:
    spec = {
        "consumes": ["mail", "mail:high"],
        "arguments": ["--without-mingle"],
        "max_tasks_per_child": 500,
        "time_limit": 7200,
        "weight": 3,
        "pools": ["prefork", "threads"],
    }
    prefork, threads = planned({"q": spec}, 4, 8192)["instances"]
    for instance in (prefork, threads):
        assert instance["consumes"] == ["mail", "mail:high"]
        assert instance["arguments"] == ["--without-mingle"]
        assert instance["stop_timeout"] == spec["time_limit"] + 30  # type: ignore[operator]
        assert instance["cpu_weight"] == 300 // 2
    assert prefork["max_tasks_per_child"] == spec["max_tasks_per_child"]
    assert threads["max_tasks_per_child"] is None
    assert prefork["why"]["max_tasks_per_child"] == "max_tasks_per_child = 500 in the inventory"
    assert threads["why"]["max_tasks_per_child"] == "threads has no children"


def test_the_pools_of_a_queue_divide_its_weight() -> None:
    queues = {"both": {"pools": ["prefork", "threads"]}, "one": {}}
    sizes = [instance["memory_max_mb"] for instance in planned(queues, 4, 8192)["instances"]]
    assert sizes == [7372 // 4, 7372 // 4, 7372 // 2]


def test_what_one_queue_may_not_use_is_the_others() -> None:
    assert concurrency(planned({"a": {"cpu_quota": 100}, "b": {}}, 8, 32768)) == {
        "a-prefork": 1,
        "b-prefork": 7,
    }


@pytest.mark.parametrize(
    ("packages", "pool"),
    [
        (["celery[redis]", "gevent==24.2.1"], "gevent"),
        (["Gevent >= 24"], "gevent"),
        (["celery[gevent,redis]"], "gevent"),
        (["gevent[recommended]"], "gevent"),
        (["celery[redis]", "gevent-websocket", "geventhttpclient", "not-gevent"], "threads"),
        ([], "threads"),
        (None, "threads"),
    ],
)
def test_tasks_that_wait_get_gevent_where_it_is_installed(packages: list[str] | None, pool: str) -> None:
    instance = only(planned({"q": {"workload": "io"}}, 4, 8192, packages=packages))
    assert instance["pool"] == pool
    assert ("gevent is among" if pool == "gevent" else "no gevent among") in instance["why"]["pool"]


@pytest.mark.parametrize(
    ("spec", "defaults", "warning"),
    [
        (
            {"autoscale": True},
            {"settings": {"task_default_queue_type": "quorum"}},
            "q-prefork: of no effect on quorum queues, where Celery cannot change what a worker prefetches",
        ),
        (
            {"autoscale": True, "pools": ["prefork", "threads"]},
            {},
            "q-threads: asked for, but threads can neither grow nor shrink",
        ),
        (
            {"autoscale": True, "min_concurrency": 4},
            {},
            "q-prefork: asked for, but the host allows no more than min_concurrency = 4",
        ),
        ({"autoscale": True}, {"settings": {"task_default_queue_type": "classic"}}, None),
        ({}, {"settings": {"task_default_queue_type": "quorum"}}, None),
    ],
)
def test_an_autoscale_that_moves_nothing_is_told(
    spec: dict[str, Any], defaults: dict[str, Any], warning: str | None
) -> None:
    told = f"w1: celery_worker_queues.q.autoscale = True: {warning}; remove it, or use scale"
    assert planned({"q": spec}, 4, 8192, **defaults)["warnings"] == ([told] if warning else [])


def test_many_slots_in_one_process() -> None:
    instance = only(planned({"q": {"workload": "io"}}, 4, 8192))
    assert instance["tasks_max"] == 64 + 61 * 8
    assert instance["limit_nofile"] == 1024 + 61 * 16


def test_children_get_a_minute_at_most() -> None:
    alive = [
        only(planned({"q": {"concurrency": slots}}, 8, 65536))["proc_alive_timeout"] for slots in (29, 30, 31)
    ]
    assert alive == [59, 60, 60]


def test_the_fleets_limits_are_the_queues() -> None:
    instance = only(planned({"q": {}}, 4, 8192, soft_time_limit="60", time_limit="90"))
    assert (instance["soft_time_limit"], instance["time_limit"], instance["stop_timeout"]) == (60, 90, 120)


def test_the_memory_decides_and_says_so() -> None:
    why = only(planned({"q": {"task_memory_mb": 900}}, 16, 8192))["why"]["concurrency"]
    assert why == (
        "the memory allows 6: (6634 - 100 MB of the app) / (100 + 900 MB a slot); "
        "100% of 16 cores by weight, 1 slot a core: 16"
    )


@pytest.mark.parametrize(
    ("spec", "cores", "memory_mb", "why"),
    [
        ({"concurrency": 3}, 2, 4096, "concurrency = 3 in the inventory"),
        ({"pool": "solo"}, 2, 4096, "solo runs one task at a time"),
        ({}, 43, 8192, "100% of 43 cores by weight, 1 slot a core; the memory would allow 43"),
        (
            {"workload": "io"},
            2,
            4096,
            "one process feeds one core, 50 slots a core, 11 more as they do not wait in turn; "
            "the memory would allow 321",
        ),
        (
            {"max_concurrency": 2},
            4,
            4096,
            "100% of 4 cores by weight, 1 slot a core, at most 2; the memory would allow 21",
        ),
        (
            {"min_concurrency": 6},
            4,
            4096,
            "100% of 4 cores by weight, 1 slot a core, at least 6; the memory would allow 21",
        ),
    ],
)
def test_why_so_many(spec: dict[str, Any], cores: float, memory_mb: int, why: str) -> None:
    assert only(planned({"q": spec}, cores, memory_mb))["why"]["concurrency"] == why


def test_one_instance_that_cannot_fit() -> None:
    assert refusals({"video": {"task_memory_mb": 4000}, "mail": {}}, 4, 2048) == [
        "w1: celery_worker_queues.video.task_memory_mb = 4000: video-prefork needs 4667 MB "
        "(100 of the app + 1 x 4100 a slot, and a tenth), "
        "and w1 has 1792 MB of 2048 for workers (system 256 MB): 2875 MB short; "
        "lower it, or serve the queue from a host with 7798 MB or more"
    ]
    assert planned({"video": {"task_memory_mb": 4000}}, 4, 7798)


def test_instances_that_cannot_fit_together() -> None:
    queues = {"a": {}, "b": {"app_memory_mb": 200}, "c": {}}
    assert refusals(queues, 2, 1024, "broker") == [
        "w1: celery_worker_queues.b.app_memory_mb = 200: the host's instances need 1056 MB "
        "(a-prefork 278 MB, b-prefork 500 MB, c-prefork 278 MB), "
        "and w1 has 640 MB of 1024 for workers (system 256 MB, broker 128 MB; a core for the broker): "
        "416 MB short; set it to what measure.yml tells, take w1 out of celery_queue_b, "
        "or use a host with 1856 MB or more"
    ]


def test_a_host_that_just_fits() -> None:
    one, two = 256 + 278, 256 + 2 * 278
    assert only(planned({"a": {}}, 1, one))["memory_max_mb"] == one - 256
    assert planned({"a": {}, "b": {}}, 1, two)
    assert "): 1 MB short; " in refusals({"a": {}}, 1, one - 1)[0]
    assert "): 1 MB short; " in refusals({"a": {}, "b": {}}, 1, two - 1)[0]


def test_a_fixed_concurrency_that_cannot_fit() -> None:
    (message,) = refusals({"q": {"concurrency": 18}}, 2, 2048)
    assert message.startswith(
        "w1: celery_worker_queues.q.concurrency = 18: q-prefork needs 3112 MB (100 of the app + 18 x 150"
    )
    (message,) = refusals({"q": {"min_concurrency": 2}}, 2, 512)
    assert message.startswith("w1: celery_worker_queues.q.min_concurrency = 2: q-prefork needs 445 MB")
    (message,) = refusals({"q": {"min_concurrency": 18}}, 2, 2048)
    assert message.startswith("w1: celery_worker_queues.q.min_concurrency = 18: q-prefork needs 3112 MB")


def test_more_processes_than_cores_can_serve() -> None:
    assert refusals({"q": {"concurrency": 400}}, 4, 1024 * 1024) == [
        "w1: celery_worker_queues.q.concurrency = 400: 400 processes of q-prefork on 4 cores, "
        "at most 10 a core: 36 cores short; "
        "set it to 40 or less, use pool threads, or serve the queue from more hosts"
    ]
    assert planned({"q": {"concurrency": 40}}, 4, 1024 * 1024)
    assert planned({"q": {"concurrency": 1}}, 0.05, 4096)
    (message,) = refusals({"q": {"concurrency": 21, "cpu_quota": 200}}, 16, 65536)
    assert "21 processes of q-prefork on 2 cores, at most 10 a core: 1 core short" in message
    assert "set it to 1 or less" in refusals({"q": {"concurrency": 2}}, 0.05, 4096)[0]


def test_every_problem_is_told_at_once() -> None:
    queues = {"a": {"pool": "x"}, "b": {"weight": 0}}
    told = refusals(queues, 2, 1024, time_limit="soon", reserve={"sytem": 4, "beat": -1})
    assert [message.partition(" = ")[0].partition(": ")[2] for message in told] == [
        "celery_app_task_time_limit",
        "celery_worker_reserve.sytem",
        "celery_worker_reserve.beat",
        "celery_worker_queues.a.pool",
        "celery_worker_queues.b.weight",
    ]
    assert told[1].endswith("did you mean system?")


def test_a_limit_of_no_seconds() -> None:
    assert planned({}, 2, 1024, soft_time_limit=1, time_limit=2)
    assert refusals({}, 2, 1024, soft_time_limit=0, time_limit=1) == [
        "w1: celery_app_task_time_limit = 1: not a whole number in its range; set it to 2 or more",
        "w1: celery_app_task_soft_time_limit = 0: not a whole number in its range; set it to 1 or more",
    ]


def test_a_reserve_that_is_no_mapping() -> None:
    assert refusals({}, 2, 1024, reserve=512) == [
        "w1: celery_worker_reserve = 512: not a mapping of MB; write it as {system: 512}"
    ]


def test_a_host_that_nobody_looked_at() -> None:
    with pytest.raises(
        PlanError, match=r"w1: ansible_facts = cores None, memory_mb None: .* not known; run "
    ):
        planning.worker_plan({}, "w1", {}, {}, {})


def test_extra_instances_are_planned_with_the_others() -> None:
    queues = {"mail": {"weight": 3, "scale": {"min_instances": 2, "max_instances": 3}}, "video": {}}
    instances = planned(queues, 4, 8192)["instances"]
    assert [instance["name"] for instance in instances] == [
        "mail-prefork",
        "mail-prefork-2",
        "mail-prefork-3",
        "video-prefork",
    ]
    assert [bool(instance["scale"]) for instance in instances] == [False, False, True, False]
    assert [instance["concurrency"] for instance in instances] == [1, 1, 1, 1]
    assert {instance["cpu_weight"] for instance in instances} == {100}
    assert len({instance["memory_max_mb"] for instance in instances}) == 1


def test_a_fleet_that_is_read_once_is_planned_as_each_of_its_hosts_would_be() -> None:
    queues = {"mail": {"workload": "io"}, "img": {"weight": 2}}
    groups = {"celery_queue_mail": ["w1", "w2", "w3"], "celery_queue_img": ["w2"]}
    facts = {"celeryops": {"cores": 4, "memory_mb": 4096}}
    small = {"celeryops": {"cores": 4, "memory_mb": 300}}
    fleet = planning.Fleet(queues, groups, {})
    for host in ("w1", "w2"):
        assert fleet.plan(host, facts) == planning.worker_plan(queues, host, groups, facts, {})
    with pytest.raises(PlanError) as refused:
        fleet.plan("w3", small)
    assert [one.variable for one in refused.value.problems] == ["celery_worker_queues.mail.app_memory_mb"]
