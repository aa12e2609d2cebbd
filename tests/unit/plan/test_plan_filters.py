# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters: they answer as their pure functions do, and turn what is wrong into Ansible errors."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.filter import (
    concurrency,
    worker_plan,
)

FACTS = {"celeryops": {"cores": 2, "memory_mb": 4096}}
GROUPS = {"celery": ["w1"], "celery_queue_mail": ["w1"], "celery_beat": ["w1", "w2"]}
FILTERS: dict[str, Any] = {
    name: function
    for module in (concurrency, worker_plan)
    for name, function in module.FilterModule().filters().items()
}


def test_each_file_holds_the_filter_of_its_name() -> None:
    assert sorted(FILTERS) == [
        "concurrency",
        "worker_plan",
    ]


def test_a_plan() -> None:
    plan = FILTERS["worker_plan"]({"mail": {}}, host="w1", groups=GROUPS, facts=FACTS)
    assert [instance["name"] for instance in plan["instances"]] == ["mail-prefork"]


def test_a_plan_that_cannot_be() -> None:
    with pytest.raises(AnsibleFilterError, match=r"w1: celery_worker_queues\.mail\.pool = x: unknown pool; "):
        FILTERS["worker_plan"]({"mail": {"pool": "x"}}, host="w1", groups=GROUPS, facts=FACTS)


def test_the_concurrency_of_one_instance() -> None:
    examples = [({"workload": "mixed", "app_memory_mb": 200}, 4, 4096, 11), ({}, 2.0, 2048.0, 2)]
    for spec, cores, memory_mb, expected in examples:
        assert FILTERS["concurrency"](spec, cores, memory_mb) == expected
    with pytest.raises(AnsibleFilterError, match="unknown workload"):
        FILTERS["concurrency"]({"workload": "x"}, 4, 4096)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("worker_plan", (["mail"], "w1", GROUPS, FACTS), "queues must be a dictionary, not list"),
        ("worker_plan", ({}, "w1", "groups", FACTS), "groups must be a dictionary, not str"),
        ("worker_plan", ({}, "w1", GROUPS, None), "facts must be a dictionary, not NoneType"),
        ("worker_plan", ({}, "w1", GROUPS, FACTS, [1]), "defaults must be a dictionary, not list"),
        ("concurrency", ({}, "4", 4096), "cores must be a number above 0, not '4'"),
        ("concurrency", ({}, 4, True), "memory_mb must be a number above 0, not True"),
        ("concurrency", ({}, float("inf"), 4096), "cores must be a number above 0, not inf"),
    ],
)
def test_wrong_types_are_named(name: str, arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        FILTERS[name](*arguments)
    assert str(caught.value) == f"{name}: {message}"
