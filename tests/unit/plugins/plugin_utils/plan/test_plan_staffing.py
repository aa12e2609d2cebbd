# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The planned slots keep the cores busy: checked against the exact model of tasks that compute and wait.

A closed network of two stations: cores that share their time among those who compute, and a delay for those
who wait. Its throughput depends on the means alone, however long single tasks are (Baskett, Chandy, Muntz and
Palacios, Open, Closed and Mixed Networks of Queues, 1975).
"""

from __future__ import annotations

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.planning import worker_plan

GOAL = 0.95


def busy(slots: int, cores: int, ratio: float) -> float:
    """The part of the cores' time in which so many slots keep them busy; ratio: wait over compute."""
    weights = [1.0]  # of the states in which 0, 1, 2 ... tasks compute
    for computing in range(1, slots + 1):
        weights.append(weights[-1] * (slots - computing + 1) / ratio / min(computing, cores))
        if weights[-1] > 1e200:
            weights = [weight / 1e200 for weight in weights]
    used = sum(min(computing, cores) * weight for computing, weight in enumerate(weights))
    return used / sum(weights) / cores


def slots(cores: int, ratio: float, pool: str) -> int:
    """How many tasks at a time are planned for a host of its own."""
    queues = {"q": {"workload": "mixed", "wait_ratio": ratio, "pool": pool, "app_memory_mb": 1}}
    facts = {"celeryops": {"cores": cores, "memory_mb": 1024 * 1024}}
    (instance,) = worker_plan(queues, "w1", {"celery_queue_q": ["w1"]}, facts, {})["instances"]
    return instance["concurrency"]


@pytest.mark.parametrize("cores", [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64])
def test_processes_keep_every_core_busy(cores: int) -> None:
    for ratio in (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 9, 19, 49):
        assert busy(slots(cores, ratio, "prefork"), cores, ratio) >= GOAL, ratio


@pytest.mark.parametrize("pool", ["threads", "gevent"])
def test_one_process_keeps_one_core_busy(pool: str) -> None:
    for ratio in (0.1, 1, 9, 19, 49, 99, 199, 499, 900):
        assert busy(slots(8, ratio, pool), 1, ratio) >= GOAL, ratio


def test_without_waiting_there_is_a_process_for_each_core() -> None:
    assert [slots(cores, 0, "prefork") for cores in (1, 2, 8)] == [1, 2, 8]
