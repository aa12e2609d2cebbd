# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the documentation says of the plan is what the plan does."""

from __future__ import annotations

import re

import yaml
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory import reader
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import planning, spec
from reference.roles import ROOT

DOCS = ROOT / "docs"
QUEUES = (DOCS / "reference" / "queues.md").read_text(encoding="utf-8")
PLAN = (DOCS / "explanation" / "plan.md").read_text(encoding="utf-8")


def example(page: str) -> dict[str, object]:
    """Return the queues of a page's example."""
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (block,) = (block for block in blocks if block.startswith("celery_worker_queues:"))
    queues: dict[str, object] = yaml.safe_load(block)["celery_worker_queues"]
    return queues


def test_every_key_is_described_once() -> None:
    described = re.findall(r"^\| `(\w+)` \|", QUEUES, re.MULTILINE)
    assert sorted(described) == sorted(spec.KEYS)


def test_the_example_of_keys_is_right() -> None:
    for queue, raw in example(QUEUES).items():
        soft = planning.default_soft(planning.DEFAULT_HARD)
        assert spec.read(queue, raw, soft, planning.DEFAULT_HARD)[1] == []


def test_the_worked_example_is_what_the_plan_says() -> None:
    queues = example(PLAN)
    groups = {f"celery_queue_{queue}": ["w1"] for queue in queues}
    groups |= {"celery_broker": ["w1"], "celery_flower": ["w1"]}
    facts = {"celeryops": {"cores": 8, "memory_mb": 16384}}
    host = planning.worker_plan(queues, "w1", groups, facts, {})
    for instance in host["instances"]:
        (row,) = re.findall(rf"^\| `{instance['name']}` \|(.*)\|$", PLAN, re.MULTILINE)
        _cpu, memory_max, high, allowed, concurrency, recycled = (cell.strip() for cell in row.split("|"))
        assert int(memory_max) == instance["memory_max_mb"]
        assert int(high) == instance["memory_high_mb"]
        assert int(concurrency) == instance["concurrency"]
        assert allowed.rpartition(" = ")[2] in instance["why"]["concurrency"]
        recycled_mb = int(recycled.rpartition(" = ")[2].removesuffix(" MB")) if recycled else None
        recycle_kb = instance["max_memory_per_child_kb"]
        assert recycled_mb == (None if recycle_kb is None else recycle_kb // 1024)
    video = host["instances"][-1]
    assert f"video's stop may take {video['stop_timeout']} s" in PLAN
    assert f"its soft limit is {video['soft_time_limit']} s" in PLAN
    fleet = reader.fleet_timers({"w1": {"celery_worker_queues": queues}}, {"celery": ["w1"]})
    assert f"the fleet becomes {fleet['w1']['visibility_timeout']} s" in PLAN
    parts = host["reserve"]["parts"]
    assert f"{parts['system']} MB for the system, {parts['broker']} for the broker" in PLAN
    assert f"and {parts['flower']} for Flower" in PLAN
    assert f"{host['memory_mb'] - host['reserve']['memory_mb']} MB" in PLAN
