# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What holds for every host and every set of queues: `make properties` tries thousands of them."""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import PlanError, Problem
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.planning import (
    Fleet,
    HostPlan,
    worker_plan,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.spec import KEYS
from hypothesis import assume, given
from hypothesis import strategies as st

HOST = "w1"
# What systemd takes.
CPU_WEIGHTS = range(1, 10001)
# What names an instance or is handed on as it is; everything else is a number or a choice, and has a reason.
NAMES = {"name", "unit", "node", "queue", "consumes", "arguments", "why"}
# What a larger host may only add to. A child's part, max_memory_per_child, is less where more of them run.
GROWING = (
    "concurrency",
    "memory_high_mb",
    "memory_max_mb",
    "cpu_weight",
    "tasks_max",
    "limit_nofile",
    "proc_alive_timeout",
    "stop_timeout",
)


def _hundredths(number: int) -> float:
    return number / 100


def _agreeing(spec: dict[str, Any]) -> dict[str, Any]:
    """Return the spec without what it contradicts itself in."""
    if spec.get("order") == "strict":
        spec["pools"] = spec["pools"][:1]
        for key in ("concurrency", "min_concurrency", "max_concurrency", "autoscale", "scale"):
            spec.pop(key, None)
    pools = spec["pools"]
    low, high = spec.get("min_concurrency", 1), spec.get("max_concurrency")
    if high is not None and low > high:
        spec["max_concurrency"] = low
    if "concurrency" in spec:
        spec.pop("min_concurrency", None)
        spec.pop("max_concurrency", None)
    if pools == ["solo"]:
        spec.pop("min_concurrency", None)
        spec.pop("concurrency", None)
    if not {"prefork", "gevent", "eventlet"} & set(pools):
        spec.pop("autoscale", None)
    if len(pools) > 1:
        spec.pop("scale", None)
    return spec


SPECS = st.fixed_dictionaries(
    {
        "pools": st.lists(
            st.sampled_from(["prefork", "threads", "gevent", "eventlet", "solo"]), min_size=1, unique=True
        )
    },
    optional={
        "workload": st.sampled_from(["cpu", "io", "mixed"]),
        "order": st.sampled_from(["any", "any", "any", "strict"]),
        "concurrency": st.integers(1, 12),
        "min_concurrency": st.integers(1, 6),
        "max_concurrency": st.integers(1, 200),
        "wait_ratio": st.integers(0, 120) | st.integers(0, 2000).map(_hundredths),
        "weight": st.integers(1, 100),
        "app_memory_mb": st.integers(1, 800),
        "task_memory_mb": st.integers(1, 800),
        "time_limit": st.integers(2, 90000),
        "autoscale": st.booleans(),
        "cpu_quota": st.integers(1, 1600),
        "scale": st.integers(2, 10).map(lambda most: {"max_instances": most}),
    },
).map(_agreeing)
QUEUES = st.dictionaries(
    st.sampled_from([f"q{number}" for number in range(20)]), SPECS, min_size=1, max_size=12
)
CORES = st.integers(1, 96) | st.integers(10, 800).map(_hundredths)
SMALL = st.integers(128, 4096)
MEMORY = st.integers(2048, 32 * 1024) | st.integers(32 * 1024, 512 * 1024)
ROLES = st.sets(st.sampled_from(["broker", "beat", "flower"]))


def inputs(
    queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str]
) -> tuple[dict[str, Any], str, dict[str, list[str]], dict[str, Any], dict[str, Any]]:
    """Return what the plan of a host that serves every queue is made of."""
    groups = {f"celery_queue_{queue}": [HOST] for queue in queues}
    groups |= {f"celery_{role}": [HOST] for role in sorted(roles)}
    return queues, HOST, groups, {"celeryops": {"cores": cores, "memory_mb": memory_mb}}, {}


def attempt(
    queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str]
) -> tuple[HostPlan | None, list[Problem]]:
    """Return the plan of a host that serves every queue, or None and why there is none."""
    try:
        return worker_plan(*inputs(queues, cores, memory_mb, roles)), []
    except PlanError as error:
        return None, error.problems


def plan(queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str]) -> HostPlan:
    """Return the plan of a host that serves every queue; what is too small is no example."""
    planned, _problems = attempt(queues, cores, memory_mb, roles)
    assume(planned is not None)
    assert planned is not None
    return planned


@given(QUEUES, CORES, SMALL | MEMORY, ROLES)
def test_a_host_is_planned_or_refused_with_the_shortfall(
    queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str]
) -> None:
    planned, problems = attempt(queues, cores, memory_mb, roles)
    assert (planned is None) is bool(problems)
    for problem in problems:
        assert re.search(r": [1-9][0-9]* (MB|cores?) short", problem.what)
        _variable, queue, key = problem.variable.split(".")
        assert queue in queues
        assert key in KEYS
        assert problem.fix


@given(QUEUES, CORES, SMALL | MEMORY, ROLES)
def test_what_the_refusal_says_helps(
    queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str]
) -> None:
    _planned, problems = attempt(queues, cores, memory_mb, roles)
    for problem in problems:
        variable = problem.variable
        if enough := re.search(r"a host with ([0-9]+) MB or more", problem.fix):
            _large, left = attempt(queues, cores, int(enough[1]), roles)
            assert not any(variable == other.variable and other.fix == problem.fix for other in left)
        elif lower := re.search(r"set it to ([0-9]+) or less", problem.fix):
            _variable, queue, key = variable.split(".")
            fixed = queues | {queue: queues[queue] | {key: int(lower[1])}}
            _plan, left = attempt(fixed, cores, memory_mb, roles)
            assert not any(variable == other.variable and " a core: " in other.what for other in left)


@given(QUEUES, CORES, MEMORY, ROLES)
def test_what_a_host_may_use_fits_the_host(
    queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str]
) -> None:
    planned = plan(queues, cores, memory_mb, roles)
    used = sum(instance["memory_max_mb"] for instance in planned["instances"])
    assert used + planned["reserve"]["memory_mb"] <= memory_mb
    assert sum(planned["reserve"]["parts"].values()) <= planned["reserve"]["memory_mb"]
    assert planned["slice"]["memory_max_mb"] + planned["reserve"]["parts"]["system"] <= memory_mb
    assert planned["slice"]["memory_max_mb"] >= used
    assert planned["slice"]["tasks_max"] >= sum(instance["tasks_max"] for instance in planned["instances"])
    assert {planned["slice"]["memory_swap_max_mb"]} == {0}


@given(QUEUES, CORES, MEMORY, ROLES)
def test_every_instance_holds_what_it_runs_at_its_most(
    queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str]
) -> None:
    for instance in plan(queues, cores, memory_mb, roles)["instances"]:
        spec = queues[instance["queue"]]
        autoscale = instance["autoscale"]
        slots = autoscale["max"] if autoscale else instance["concurrency"]
        app = spec.get("app_memory_mb", 100)
        task = spec.get("task_memory_mb", 10 if spec.get("workload") == "io" else 50)
        recycle_kb = instance["max_memory_per_child_kb"]
        if instance["pool"] == "prefork":
            assert app + slots * (app + task) <= instance["memory_high_mb"]
            assert recycle_kb is not None
            assert app + task <= recycle_kb // 1024
            assert app + slots * recycle_kb // 1024 <= instance["memory_high_mb"]
        else:
            assert app + slots * task <= instance["memory_high_mb"]
            assert recycle_kb is None
        assert instance["memory_high_mb"] < instance["memory_max_mb"]
        assert instance["limit_nofile"] >= 1024 + 16 * slots
        assert instance["tasks_max"] >= 64 + 8 * slots
        assert instance["memory_swap_max_mb"] == 0


@given(QUEUES, CORES, MEMORY, ROLES)
def test_every_number_is_at_least_its_minimum(
    queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str]
) -> None:
    for instance in plan(queues, cores, memory_mb, roles)["instances"]:
        spec = queues[instance["queue"]]
        slots = instance["concurrency"]
        if instance["pool"] == "solo" or spec.get("order") == "strict":
            assert slots == 1
        else:
            assert slots >= spec.get("min_concurrency", 1)
            assert slots <= spec.get("max_concurrency", slots)
            assert slots == spec.get("concurrency", slots)
        autoscale = instance["autoscale"]
        if autoscale:
            assert spec.get("min_concurrency", 1) == autoscale["min"] < autoscale["max"] == slots
        assert instance["prefetch_multiplier"] >= 1
        assert instance["cpu_weight"] in CPU_WEIGHTS
        assert instance["cpu_quota"] == spec.get("cpu_quota")
        assert 30 < instance["proc_alive_timeout"] <= 60
        assert 0 < instance["soft_time_limit"] < instance["time_limit"] < instance["stop_timeout"]


@given(QUEUES, CORES, MEMORY, ROLES)
def test_every_number_has_its_reason(
    queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str]
) -> None:
    planned = plan(queues, cores, memory_mb, roles)
    for instance in planned["instances"]:
        assert set(instance["why"]) == set(instance) - NAMES
        assert all(instance["why"].values())
    assert planned["reserve"]["why"]
    assert planned["slice"]["why"]


@given(QUEUES, CORES, MEMORY, ROLES, st.integers(0, 8), st.integers(0, 2000))
def test_a_larger_host_never_gives_less(
    queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str], more_cores: int, more_mb: int
) -> None:
    small = plan(queues, cores, memory_mb, roles)
    large, problems = attempt(queues, cores + more_cores, memory_mb + more_mb, roles)
    assert large is not None, problems
    for before, after in zip(small["instances"], large["instances"], strict=True):
        assert before["name"] == after["name"]
        for number in GROWING:
            assert before[number] <= after[number], number  # type: ignore[literal-required]
        if before["autoscale"]:
            assert after["autoscale"]
            assert before["autoscale"]["max"] <= after["autoscale"]["max"]


@given(QUEUES, CORES, MEMORY, ROLES, st.randoms())
def test_the_order_of_queues_does_not_matter(
    queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str], random: Any
) -> None:
    names = list(queues)
    random.shuffle(names)
    shuffled = {name: queues[name] | {"pools": queues[name]["pools"][::-1]} for name in names}
    assert json.dumps(plan(queues, cores, memory_mb, roles)) == json.dumps(
        plan(shuffled, cores, memory_mb, roles)
    )


@given(QUEUES, CORES, MEMORY, ROLES)
def test_the_same_input_gives_the_same_plan_alone_and_in_a_fleet(
    queues: dict[str, Any], cores: float, memory_mb: int, roles: set[str]
) -> None:
    once = plan(queues, cores, memory_mb, roles)
    raw, host, alone, facts, defaults = inputs(queues, cores, memory_mb, roles)
    before = json.dumps([raw, facts])
    fleet = Fleet(raw, {name: ["w0", *hosts] for name, hosts in alone.items()}, defaults)
    fleet.plan("w0", {"celeryops": {"cores": 96, "memory_mb": 2**20}})
    assert json.dumps(fleet.plan(host, facts)) == json.dumps(once)
    assert json.dumps([raw, facts]) == before


@given(st.lists(st.integers(1, 100), min_size=1, max_size=8), CORES, ROLES)
def test_cores_are_neither_idle_nor_promised_twice(weights: list[int], cores: float, roles: set[str]) -> None:
    queues = {f"q{number}": {"weight": weight} for number, weight in enumerate(weights)}
    planned = plan(queues, cores, 1024 * 1024, roles)
    slots = [instance["concurrency"] for instance in planned["instances"]]
    free = Fraction(str(planned["cores"])) - Fraction(str(planned["reserve"]["cores"]))
    parts = [max(math.floor(free * weight / sum(weights)), 1) for weight in weights]
    assert all(given >= part for given, part in zip(slots, parts, strict=True))
    assert sum(slots) == max(math.ceil(free), sum(parts))
