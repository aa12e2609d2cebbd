# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How a host is divided: what it keeps, and the shares of memory and cores."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import budget
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.budget import Demand, Host
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from("abcdefgh")
LEAST = st.dictionaries(NAMES, st.tuples(st.integers(1, 500), st.integers(1, 100)), min_size=1)


def kept(memory_mb: int, cores: float = 4, *roles: str, **fixed: int) -> budget.Reserve:
    """Return what a host with these roles keeps."""
    return budget.reserve(Host("w1", Fraction(str(cores)), memory_mb, roles), fixed)


@pytest.mark.parametrize(
    ("memory_mb", "system"), [(960, 256), (1960, 256), (2560, 256), (4096, 409), (65536, 6553)]
)
def test_the_system_keeps_a_tenth_and_at_least_256_mb(memory_mb: int, system: int) -> None:
    assert kept(memory_mb).parts == {"system": system}
    assert kept(memory_mb).worker_memory_mb in {memory_mb - system, memory_mb - system - 1}


@pytest.mark.parametrize(
    ("memory_mb", "parts"),
    [
        (400, {"system": 256, "broker": 64, "beat": 128, "flower": 128}),
        (960, {"system": 256, "broker": 120, "beat": 128, "flower": 128}),
        (4096, {"system": 409, "broker": 512, "beat": 256, "flower": 256}),
        (262144, {"system": 26214, "broker": 8192, "beat": 512, "flower": 512}),
    ],
)
def test_roles_on_the_host_keep_theirs(memory_mb: int, parts: dict[str, int]) -> None:
    reserve = kept(memory_mb, 4, "broker", "beat", "flower")
    assert reserve.parts == parts
    assert reserve.memory_mb == memory_mb or 0 <= reserve.memory_mb - sum(parts.values()) < len(parts)
    assert reserve.worker_memory_mb == memory_mb - reserve.memory_mb
    assert all(f"{role} {size} MB" in reserve.why for role, size in parts.items())


def test_a_host_that_its_roles_fill_has_nothing_for_workers() -> None:
    assert kept(400, 4, "broker", "beat").worker_memory_mb == 0


def test_the_operator_may_say_what_is_kept() -> None:
    reserve = kept(4096, 4, "broker", system=1000, broker=700, flower=90)
    assert reserve.parts == {"system": 1000, "broker": 700}
    assert reserve.memory_mb == sum(reserve.parts.values())


@pytest.mark.parametrize(
    ("cores", "worker_cores"), [(0.5, "0.5"), (1, "1"), (1.5, "1"), (2, "1"), (2.5, "1.5"), (16, "15")]
)
def test_a_core_is_the_brokers_where_there_is_one_to_spare(cores: float, worker_cores: str) -> None:
    reserve = kept(4096, cores, "broker")
    assert reserve.worker_cores == Fraction(worker_cores)
    assert reserve.cores == Fraction(str(cores)) - reserve.worker_cores
    assert kept(4096, cores, "beat", "flower").cores == 0


@given(st.integers(64, 10**6), st.integers(1, 64), st.sets(st.sampled_from(sorted(budget.ROLE_PARTS))))
def test_a_megabyte_more_is_never_less_for_workers(memory_mb: int, cores: int, roles: set[str]) -> None:
    assert (
        kept(memory_mb, cores, *roles).worker_memory_mb <= kept(memory_mb + 1, cores, *roles).worker_memory_mb
    )


@pytest.mark.parametrize(
    ("facts", "cores", "memory_mb"),
    [
        (
            {"celeryops": {"cores": 1.5, "memory_mb": 512}, "processor_nproc": 8, "memtotal_mb": 9000},
            "1.5",
            512,
        ),
        ({"processor_nproc": 8, "memtotal_mb": 9000}, "8", 9000),
        ({"celeryops": {}, "processor_nproc": 8, "memtotal_mb": 9000}, "8", 9000),
    ],
)
def test_what_may_be_used_counts_not_what_the_box_has(
    facts: dict[str, Any], cores: str, memory_mb: int
) -> None:
    host, problems = budget.read_host("w1", facts, {"celery_beat": ["w1"], "celery_flower": ["w2"]})
    assert problems == []
    assert host == Host("w1", Fraction(cores), memory_mb, ("beat",))


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"processor_nproc": 4},
        {"memtotal_mb": 4},
        {"celeryops": {"cores": 0, "memory_mb": 512}},
        {"celeryops": {"cores": 2, "memory_mb": 0}},
        {"celeryops": {"cores": "many", "memory_mb": 512}},
        {"celeryops": {"cores": float("nan"), "memory_mb": 512}},
        {"celeryops": {"cores": True, "memory_mb": 512}},
        {"celeryops": "none"},
    ],
)
def test_an_unknown_host_is_not_guessed(facts: dict[str, Any]) -> None:
    host, problems = budget.read_host("w1", facts, {})
    assert host is None
    assert [problem.fix for problem in problems] == [
        "run celeryops.systemd.host_facts (or gather hardware facts) before the plan"
    ]


@given(LEAST, st.integers(0, 10**5))
def test_shares_fit_and_hold_the_least(wanted: dict[str, tuple[int, int]], spare: int) -> None:
    least = {name: pair[0] for name, pair in wanted.items()}
    weights = {name: pair[1] for name, pair in wanted.items()}
    total = sum(least.values()) + spare
    given_out = budget.shares(total, least, weights)
    assert total - len(least) < sum(given_out.values()) <= total
    assert all(given_out[name] >= least[name] for name in least)
    more = budget.shares(total + 1, least, weights)
    assert all(more[name] >= given_out[name] for name in least)


def test_shares_follow_the_weights_until_someone_needs_more() -> None:
    weights = {"a": 1, "b": 2, "c": 1}
    assert budget.shares(1000, {"a": 1, "b": 1, "c": 1}, weights) == {"a": 250, "b": 500, "c": 250}
    assert budget.shares(1000, {"a": 400, "b": 1, "c": 1}, weights) == {"a": 400, "b": 400, "c": 200}
    assert budget.shares(1000, {"a": 400, "b": 300, "c": 300}, weights) == {"a": 400, "b": 300, "c": 300}


def cpu(weight: int = 1, least: int = 1, most: int | None = None, per_core: int = 1) -> Demand:
    """Return what a queue asks of the CPU."""
    return Demand(least, most, Fraction(per_core), weight)


@pytest.mark.parametrize(
    ("cores", "demands", "expected"),
    [
        ("4", {"a": cpu()}, {"a": 4}),
        ("1.5", {"a": cpu()}, {"a": 2}),
        ("0.5", {"a": cpu()}, {"a": 1}),
        ("4", {"a": cpu(), "b": cpu()}, {"a": 2, "b": 2}),
        ("3", {"a": cpu(), "b": cpu()}, {"a": 2, "b": 1}),
        ("8", {"a": cpu(1), "b": cpu(3)}, {"a": 2, "b": 6}),
        ("8", {"a": cpu(most=1), "b": cpu()}, {"a": 1, "b": 7}),
        ("8", {"a": cpu(least=6), "b": cpu()}, {"a": 6, "b": 4}),
        ("4", {"a": cpu(least=3), "b": cpu(), "c": cpu(2, per_core=3)}, {"a": 3, "b": 1, "c": 6}),
        ("2", {"a": cpu(), "b": cpu(), "c": cpu()}, {"a": 1, "b": 1, "c": 1}),
        ("4", {"a": cpu(per_core=2), "b": cpu()}, {"a": 4, "b": 2}),
        ("4", {"a": cpu(least=50, most=50, per_core=50), "b": cpu()}, {"a": 50, "b": 3}),
        ("4", {"a": cpu(most=2)}, {"a": 2}),
        ("4", {"a": cpu(2), "b": cpu(3, least=2)}, {"a": 2, "b": 2}),
        ("4", {"a": cpu(1), "b": cpu(4, least=2)}, {"a": 1, "b": 3}),
        ("4", {}, {}),
    ],
)
def test_slots_follow_the_weights_and_no_core_is_idle(
    cores: str, demands: dict[str, Demand], expected: dict[str, int]
) -> None:
    assert budget.slots(Fraction(cores), demands) == expected


DEMANDS = st.dictionaries(
    NAMES,
    st.builds(
        lambda least, extra, per_core, weight: Demand(
            least, None if extra is None else least + extra, 1 + per_core, weight
        ),
        st.integers(1, 8),
        st.none() | st.integers(0, 20),
        st.fractions(0, 60, max_denominator=10),
        st.integers(1, 100),
    ),
)


def parts(cores: Fraction, demands: dict[str, Demand]) -> dict[str, int]:
    """Return the slots that the part of each by weight feeds."""
    total = sum(demand.weight for demand in demands.values())
    return {
        name: math.floor(cores * demand.weight * demand.per_core / total) for name, demand in demands.items()
    }


@given(DEMANDS, st.fractions(Fraction(1, 10), 32, max_denominator=10))
def test_slots_are_those_of_granting_one_at_a_time(demands: dict[str, Demand], cores: Fraction) -> None:
    given_out = {name: demand.least for name, demand in demands.items()}
    while sum((given_out[name] / demand.per_core for name, demand in demands.items()), Fraction(0)) < cores:
        wanting = [name for name, demand in demands.items() if given_out[name] != demand.most]
        if not wanting:
            break
        level = {n: (given_out[n] + 1) / (demands[n].per_core * demands[n].weight) for n in wanting}
        given_out[min((level[name], name) for name in wanting)[1]] += 1
    for name, part in parts(cores, demands).items():
        most = demands[name].most
        given_out[name] = max(given_out[name], part if most is None else min(part, most))
    assert budget.slots(cores, demands) == given_out


@given(DEMANDS, st.fractions(Fraction(1, 10), 32, max_denominator=10), st.fractions(0, 8, max_denominator=10))
def test_slots_stay_in_bounds_and_grow_with_the_cores(
    demands: dict[str, Demand], cores: Fraction, more: Fraction
) -> None:
    slots = budget.slots(cores, demands)
    grown = budget.slots(cores + more, demands)
    for name, demand in demands.items():
        assert demand.least <= slots[name] <= grown[name]
        assert demand.most is None or grown[name] <= demand.most
    for name, demand in demands.items():
        # Nobody was given a slot that another, for its weight, had fewer of.
        taken = Fraction(slots[name]) / (demand.per_core * demand.weight)
        for other, theirs in demands.items():
            if slots[name] > demand.least and slots[other] != theirs.most:
                assert taken <= Fraction(slots[other] + 1) / (theirs.per_core * theirs.weight)
    fed = sum((slots[name] / demand.per_core for name, demand in demands.items()), Fraction(0))
    at_their_most = all(slots[name] == demand.most for name, demand in demands.items())
    assert fed >= cores or at_their_most
    insists = any(demands[name].least > part for name, part in parts(cores, demands).items())
    assert fed < cores + 1 or insists


def test_a_role_may_use_what_the_plan_leaves_it() -> None:
    parts = {"broker": 512, "beat": 256, "flower": 256}
    assert budget.role_memory({"celeryops": {"memory_mb": 4096}, "memtotal_mb": 1}) == parts
    assert budget.role_memory({"memtotal_mb": 4096}) == parts
    assert budget.role_memory({}) == {"broker": 64, "beat": 128, "flower": 128}
