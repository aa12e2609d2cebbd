# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Four queues with clashing desired on one host of 2 cores and 2 GB: a plan that fits, or a clear refusal."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import PlanError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.planning import HostPlan, worker_plan

# One wants many slots, one large tasks and most of the host, one to grow, one nobody beside its only task.
WISHES: dict[str, dict[str, Any]] = {
    "mail": {"workload": "io", "min_concurrency": 20, "app_memory_mb": 80, "task_memory_mb": 4},
    "video": {"weight": 3, "app_memory_mb": 120, "task_memory_mb": 200, "time_limit": 1800},
    "reports": {
        "workload": "mixed",
        "wait_ratio": 3,
        "weight": 2,
        "autoscale": True,
        "app_memory_mb": 80,
        "task_memory_mb": 40,
    },
    "ledger": {"order": "strict", "cpu_quota": 50, "app_memory_mb": 80, "task_memory_mb": 20},
}
# By name: slots, autoscale, MemoryHigh, MemoryMax, recycled at (KB), CPUWeight, CPUQuota, tasks, files, stop.
FITS = {
    "ledger-solo": (1, None, 230, 256, None, 100, 50, 72, 1040, 330),
    "mail-threads": (37, None, 230, 256, None, 100, None, 360, 1616, 330),
    "reports-prefork": (3, {"min": 1, "max": 3}, 460, 512, 120 * 1024, 200, None, 166, 1072, 330),
    "video-prefork": (1, None, 691, 768, 371 * 1024, 300, None, 98, 1040, 1830),
}
NUMBERS = (
    "concurrency",
    "autoscale",
    "memory_high_mb",
    "memory_max_mb",
    "max_memory_per_child_kb",
    "cpu_weight",
    "cpu_quota",
    "tasks_max",
    "limit_nofile",
    "stop_timeout",
)
WHY = {
    "ledger-solo": "order = strict in the inventory: one task at a time",
    "mail-threads": "the memory allows 37: (230 - 80 MB of the app) / (4 MB a slot); "
    "one process feeds one core, 50 slots a core, at least 50: 50",
    "reports-prefork": "the memory allows 3: (460 - 80 MB of the app) / (80 + 40 MB a slot); "
    "29% of 2 cores by weight, 4 slots a core, 2 more as they do not wait in turn: 4",
    "video-prefork": "43% of 2 cores by weight, 1 slot a core, at least 1; the memory would allow 1",
}


def planned(queues: dict[str, dict[str, Any]]) -> HostPlan:
    """Return the plan of the small host, which serves every queue."""
    groups = {f"celery_queue_{queue}": ["w1"] for queue in queues}
    return worker_plan(queues, "w1", groups, {"celeryops": {"cores": 2, "memory_mb": 2048}}, {})


def test_wishes_that_fit_are_divided_by_weight() -> None:
    host = planned(WISHES)
    instances: dict[str, Any] = {instance["name"]: instance for instance in host["instances"]}
    assert {name: tuple(one[key] for key in NUMBERS) for name, one in instances.items()} == FITS
    assert {name: one["why"]["concurrency"] for name, one in instances.items()} == WHY
    assert {one["memory_swap_max_mb"] for one in instances.values()} == {0}
    assert host["reserve"] == {
        "memory_mb": 256,
        "cores": 0.0,
        "parts": {"system": 256},
        "why": "system 256 MB",
    }
    assert host["slice"] == {
        "memory_high_mb": 1611,
        "memory_max_mb": 2048 - 256,
        "memory_swap_max_mb": 0,
        "tasks_max": 696,
        "why": "the sum of ledger-solo, mail-threads, reports-prefork, video-prefork",
    }
    assert host["warnings"] == []


def test_wishes_that_do_not_fit_are_refused_with_what_to_change() -> None:
    desired = WISHES | {"video": WISHES["video"] | {"min_concurrency": 4}}
    with pytest.raises(PlanError) as caught:
        planned(desired)
    assert str(caught.value) == (
        "w1: celery_worker_queues.video.min_concurrency = 4: the host's instances need 2069 MB "
        "(ledger-solo 112 MB, mail-threads 178 MB, reports-prefork 223 MB, video-prefork 1556 MB), "
        "and w1 has 1792 MB of 2048 for workers (system 256 MB): 277 MB short; "
        "lower it, take w1 out of celery_queue_video, or use a host with 2602 MB or more"
    )


def test_each_wish_that_no_neighbour_could_grant_is_refused_by_itself() -> None:
    desired = WISHES | {
        "mail": WISHES["mail"] | {"min_concurrency": 500},
        "reports": {"concurrency": 24, "app_memory_mb": 20, "task_memory_mb": 5},
    }
    with pytest.raises(PlanError) as caught:
        planned(desired)
    assert str(caught.value).splitlines() == [
        "w1: celery_worker_queues.reports.concurrency = 24: 24 processes of reports-prefork on 2 cores, "
        "at most 10 a core: 1 core short; set it to 20 or less, use pool threads, "
        "or serve the queue from more hosts",
        "w1: celery_worker_queues.mail.min_concurrency = 500: mail-threads needs 2312 MB (80 of the app + "
        "500 x 4 a slot, and a tenth), and w1 has 1792 MB of 2048 for workers (system 256 MB): 520 MB short; "
        "lower it, or serve the queue from a host with 3088 MB or more",
    ]
