# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Names: every one that is built can be read back, and none stands for two things."""

from __future__ import annotations

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils import naming
from hypothesis import given
from hypothesis import strategies as st

QUEUES = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}", fullmatch=True)
POOLS = st.sampled_from(naming.POOLS)
NUMBERS = st.integers(1, 99)


@given(QUEUES, POOLS, NUMBERS)
def test_an_instance_tells_its_queue_pool_and_number(queue: str, pool: str, number: int) -> None:
    assert naming.split_instance(naming.instance_of(queue, pool, number)) == (queue, pool, number)


@given(st.tuples(QUEUES, POOLS, NUMBERS), st.tuples(QUEUES, POOLS, NUMBERS))
def test_two_instances_never_share_a_name(one: tuple[str, str, int], other: tuple[str, str, int]) -> None:
    assert (naming.instance_of(*one) == naming.instance_of(*other)) is (one == other)


@given(QUEUES, POOLS)
def test_names_are_valid_where_they_are_used(queue: str, pool: str) -> None:
    unit = naming.unit_of(naming.instance_of(queue, pool))
    assert naming.is_queue_name(queue)
    assert len(unit) <= 255 - len(".d")
    assert naming.group_of(queue).isidentifier()


@pytest.mark.parametrize(
    ("queue", "group"),
    [
        ("mail", "celery_queue_mail"),
        ("mail-high", "celery_queue_mail_high"),
        ("eu.mail-high", "celery_queue_eu_mail_high"),
        ("2fa", "celery_queue_2fa"),
    ],
)
def test_the_group_of_a_queue(queue: str, group: str) -> None:
    assert naming.group_of(queue) == group


def test_a_queue_may_have_100_characters() -> None:
    assert naming.is_queue_name("a" * 100)


def test_unit_and_node() -> None:
    assert naming.unit_of("mail-high-prefork") == "celery-worker@mail-high-prefork.service"
    assert naming.node_of("mail-high-prefork", "w1.example.com") == "mail-high-prefork@w1.example.com"


@pytest.mark.parametrize(
    "name", ["", "-mail", ".mail", "a b", "a/b", "a:b", "a@b", "a%b", "é", "a\n", "a" * 101, 7, None]
)
def test_names_that_no_queue_may_have(name: object) -> None:
    assert not naming.is_queue_name(name)


@pytest.mark.parametrize("name", ["mail:high", "a/b", "é", "{tag}mail"])
def test_a_broker_may_call_a_queue_more_than_a_unit_may(name: str) -> None:
    assert naming.is_consumed_name(name)


@pytest.mark.parametrize("name", ["", "a b", "a,b", "a'b", 'a"b', "a$b", "a%b", "a\\b", "a\n", 7, None])
def test_names_that_a_command_line_would_change(name: object) -> None:
    assert not naming.is_consumed_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "mail",
        "mail-",
        "-prefork",
        "mail-preforc",
        "mail-threads-",
        "mail-threads-1",
        "mail-threads-02",
        "a b-solo",
    ],
)
def test_what_is_no_instance_is_not_split(name: str) -> None:
    with pytest.raises(ValueError, match="is not <queue>-<pool>"):
        naming.split_instance(name)


def test_collisions_name_all_that_collide() -> None:
    assert naming.collisions(["b-1", "a", "b.1", "b_1", "c-1", "c_1"]) == [
        ["b-1", "b.1", "b_1"],
        ["c-1", "c_1"],
    ]
    assert naming.collisions(["a", "b"]) == []
