# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of the plan: they answer as their pure functions do, and say what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.filter import plan
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import PlanError

FACTS = {"celeryops": {"cores": 2, "memory_mb": 4096}}
GROUPS = {"celery": ["w1"], "celery_queue_mail": ["w1"], "celery_beat": ["w1", "w2"]}
FILTERS: dict[str, Any] = plan.FilterModule().filters()


def test_a_plan() -> None:
    found = FILTERS["worker_plan"]({"mail": {}}, host="w1", groups=GROUPS, facts=FACTS)
    assert [instance["name"] for instance in found["instances"]] == ["mail-prefork"]


def test_a_plan_that_cannot_be() -> None:
    with pytest.raises(PlanError, match=r"^w1: celery_worker_queues\.mail\.pool = x: unknown pool; "):
        FILTERS["worker_plan"]({"mail": {"pool": "x"}}, host="w1", groups=GROUPS, facts=FACTS)


def test_the_concurrency_of_one_instance() -> None:
    examples = [({"workload": "mixed", "app_memory_mb": 200}, 4, 4096, 11), ({}, 2.0, 2048.0, 2)]
    for spec, cores, memory_mb, expected in examples:
        assert FILTERS["concurrency"](spec, cores, memory_mb) == expected
    with pytest.raises(PlanError, match="unknown workload"):
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
    with pytest.raises((AnsibleFilterError, TypeError)) as caught:
        FILTERS[name](*arguments)
    assert str(caught.value).removeprefix(f"{name}: ") == message
