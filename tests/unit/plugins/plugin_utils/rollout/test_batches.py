# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Batches leave every queue enough, whatever the fleet looks like."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable

from ansible_collections.celeryops.systemd.plugins.plugin_utils.rollout.batches import Fleet, Worker, batches
from hypothesis import given
from hypothesis import strategies as st

QUEUES = ["default", "images", "mail", "reports"]
workers_of_any_fleet = st.lists(
    st.builds(
        Worker,
        host=st.sampled_from(["w1", "w2", "w3", "w4", "w5"]),
        name=st.sampled_from([f"{queue}-{pool}" for queue in QUEUES for pool in ("prefork", "threads")]),
        queues=st.frozensets(st.sampled_from(QUEUES), max_size=3),
        slots=st.integers(1, 50),
    ),
    unique_by=lambda worker: (worker.host, worker.name),
    max_size=24,
)
shares = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0.0, 1.0))


def consumers(workers: Iterable[Worker]) -> Counter[str]:
    return Counter(queue for worker in workers for queue in worker.queues)


def slots(workers: Iterable[Worker], queue: str) -> int:
    return sum(worker.slots for worker in workers if queue in worker.queues)


def fleet_of(*rows: str) -> list[Worker]:
    """`w1: mail 4, images 2` is a host with an instance for each queue and its slots."""
    found = []
    for row in rows:
        host, _colon, listing = row.partition(": ")
        for entry in listing.split(", "):
            queue, count = entry.split()
            found.append(Worker(host, f"{queue}-prefork", frozenset([queue]), int(count)))
    return found


def named(workers: list[Worker], share: float) -> list[list[str]]:
    found = batches(workers, Fleet(workers, share))
    return [[f"{worker.host}/{worker.name.partition('-')[0]}" for worker in batch] for batch in found]


@given(workers_of_any_fleet, shares, st.integers(0, 10))
def test_each_worker_that_moves_is_in_one_batch_and_no_other(
    workers: list[Worker], share: float, stay: int
) -> None:
    found = batches(workers[stay:], Fleet(workers, share))
    assert Counter(worker for batch in found for worker in batch) == Counter(workers[stay:])
    assert [] not in found


@given(workers_of_any_fleet, shares, st.integers(0, 10))
def test_no_queue_that_has_two_consumers_is_ever_without_one(
    workers: list[Worker], share: float, stay: int
) -> None:
    had = consumers(workers)
    for batch in batches(workers[stay:], Fleet(workers, share)):
        left = consumers(worker for worker in workers if worker not in batch)
        assert [queue for queue, count in had.items() if count > 1 and not left[queue]] == []


@given(workers_of_any_fleet, shares)
def test_a_queue_has_too_little_only_where_one_worker_alone_is_too_many(
    workers: list[Worker], share: float
) -> None:
    fleet = Fleet(workers, share)
    for batch in batches(workers, fleet):
        for one in fleet.shortages(batch):
            (culprit,) = [worker for worker in batch if one.queue in worker.queues]
            rest = slots(workers, one.queue) - culprit.slots
            assert rest == 0 or rest < share * slots(workers, one.queue)
            assert math.isclose(one.left, rest / slots(workers, one.queue), abs_tol=1e-9)


@given(workers_of_any_fleet, shares)
def test_workers_that_leave_enough_stop_apart_from_those_that_cannot(
    workers: list[Worker], share: float
) -> None:
    fleet = Fleet(workers, share)
    kinds = [{bool(fleet.shortages([worker])) for worker in batch} for batch in batches(workers, fleet)]
    assert all(len(kind) == 1 for kind in kinds)
    assert kinds == sorted(kinds, key=lambda kind: True in kind)


@given(workers_of_any_fleet)
def test_few_batches_do_where_one_consumer_is_enough(workers: list[Worker]) -> None:
    fleet = Fleet(workers, 0.0)
    plain = [batch for batch in batches(workers, fleet) if not fleet.shortages(batch)]
    widest = max((len(worker.queues) for batch in plain for worker in batch), default=0)
    assert len(plain) <= widest + 1


@given(st.integers(2, 60), st.integers(1, 4), st.integers(1, 16), shares)
def test_equal_hosts_take_the_fewest_batches_that_can_be(
    hosts: int, queues: int, each: int, share: float
) -> None:
    rows = [f"w{n}: " + ", ".join(f"{queue} {each}" for queue in QUEUES[:queues]) for n in range(hosts)]
    stoppable = min(hosts - 1, math.floor(hosts * (1 - share) + 1e-9))
    fewest = math.ceil(hosts / max(1, stoppable))
    assert len(named(fleet_of(*rows), share)) == fewest


@given(workers_of_any_fleet, shares, st.randoms(use_true_random=False))
def test_the_order_of_the_workers_does_not_matter(
    workers: list[Worker], share: float, shuffler: random.Random
) -> None:
    shuffled = shuffler.sample(workers, len(workers))
    assert batches(shuffled, Fleet(shuffled, share)) == batches(workers, Fleet(workers, share))


def test_two_equal_hosts_go_one_after_the_other() -> None:
    workers = fleet_of("w1: mail 20, images 2", "w2: mail 20, images 2")
    assert named(workers, 0.5) == [["w1/images", "w1/mail"], ["w2/images", "w2/mail"]]


def test_a_queues_only_worker_comes_last_and_with_others_such() -> None:
    workers = fleet_of("w1: images 2, reports 1", "w2: images 2, mail 4")
    assert named(workers, 0.0) == [["w1/images"], ["w2/images"], ["w1/reports", "w2/mail"]]


def test_a_share_of_the_capacity_stays() -> None:
    workers = fleet_of(*(f"w{n}: mail 4" for n in range(4)))
    assert [len(batch) for batch in named(workers, 0.5)] == [2, 2]
    assert [len(batch) for batch in named(workers, 0.75)] == [1, 1, 1, 1]
    assert [len(batch) for batch in named(workers, 0.0)] == [3, 1]


def test_where_no_worker_leaves_the_share_they_stop_one_by_one() -> None:
    assert named(fleet_of("w1: mail 4", "w2: mail 4"), 0.9) == [["w1/mail"], ["w2/mail"]]


def test_a_worker_that_does_not_consume_is_no_consumer() -> None:
    workers = [*fleet_of("w1: mail 4", "w2: mail 4"), Worker("w3", "mail-prefork", frozenset(), 4)]
    assert named(workers, 0.0) == [["w1/mail", "w3/mail"], ["w2/mail"]]


def test_workers_that_stay_count_as_consumers() -> None:
    workers = fleet_of("w1: mail 4", "w2: mail 4", "w3: mail 4")
    moving = [worker for worker in workers if worker.host != "w3"]
    assert len(batches(moving, Fleet(workers, 0.0))) == 1
