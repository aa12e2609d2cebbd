# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Specs: every key is read, and every mistake is told with its name, its value and the fix."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import spec
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.spec import QueueSpec, Scale
from hypothesis import given
from hypothesis import strategies as st


def good(raw: object) -> QueueSpec:
    """Return the spec, which must be right."""
    read, problems = spec.read("mail", raw, 270, 300)
    assert problems == []
    assert read is not None
    return read


def messages(raw: object) -> list[str]:
    """Return what is wrong with the spec, which must be wrong."""
    read, problems = spec.read("mail", raw, 270, 300)
    assert read is None
    return [problem.text("w1") for problem in problems]


@pytest.mark.parametrize("raw", [{}, None])
def test_nothing_needs_to_be_said(raw: object) -> None:
    assert good(raw) == QueueSpec(
        queue="mail",
        consumes=("mail",),
        workload="cpu",
        order="any",
        pools=("prefork",),
        auto="prefork",
        wait_ratio=None,
        weight=1,
        concurrency=None,
        min_concurrency=1,
        max_concurrency=None,
        autoscale=False,
        cpu_quota=None,
        app_memory_mb=100,
        task_memory_mb=50,
        soft_time_limit=270,
        time_limit=300,
        max_tasks_per_child=None,
        stop_within=None,
        arguments=(),
    )


def test_everything_can_be_said() -> None:
    raw: dict[str, Any] = {
        "workload": "mixed",
        "order": "any",
        "pools": ["prefork", "gevent"],
        "concurrency": 4,
        "min_concurrency": 2,
        "max_concurrency": 8,
        "wait_ratio": 2.5,
        "weight": 3,
        "consumes": ["mail", "mail:high"],
        "app_memory_mb": 200,
        "task_memory_mb": 70,
        "time_limit": 60,
        "soft_time_limit": 50,
        "max_tasks_per_child": 1000,
        "autoscale": True,
        "cpu_quota": 150,
        "environment": {"LOCALE": "de_DE"},
        "arguments": ["--without-mingle", "-O", "fair"],
    }
    assert set(raw) == spec.KEYS - {"pool", "scale", "stop_within"}
    assert good(raw) == QueueSpec(
        queue="mail",
        consumes=("mail", "mail:high"),
        workload="mixed",
        order="any",
        pools=("gevent", "prefork"),
        auto=None,
        wait_ratio=Fraction(5, 2),
        weight=3,
        concurrency=4,
        min_concurrency=2,
        max_concurrency=8,
        autoscale=True,
        cpu_quota=150,
        app_memory_mb=200,
        task_memory_mb=70,
        soft_time_limit=50,
        time_limit=60,
        max_tasks_per_child=1000,
        stop_within=None,
        arguments=("--without-mingle", "-O", "fair"),
        environment={"LOCALE": "de_DE"},
    )


def test_scale_says_when_extra_instances_run() -> None:
    least = good({"scale": {"max_instances": 3}})
    assert least.scale == Scale(1, 3, up_depth=100, up_age=60, down_depth=0, cool_down=120)
    assert least.instances == 3
    raw = {
        "min_instances": 2,
        "max_instances": 4,
        "up_depth": 200,
        "up_age": 30,
        "down_depth": 10,
        "cool_down": 60,
    }
    assert set(raw) == spec.SCALE_KEYS
    assert good({"scale": raw}).scale == Scale(2, 4, 200, 30, 10, 60)
    assert good({"pools": ["prefork", "solo"]}).instances == 2


@pytest.mark.parametrize(
    ("scale", "message"),
    [
        (3, "scale = 3: not a mapping of keys; write it as {max_instances: 3}, or leave it out"),
        ({}, "scale.max_instances = None: not set; set it to 2 to 10, or leave scale out"),
        ({"max": 2, "max_instances": 2}, "scale.max = 2: unknown key; use one of cool_down, "),
        (
            {"max_instances": 11},
            "scale.max_instances = 11: not a whole number in its range; set it to 2 to 10",
        ),
        (
            {"max_instances": 2, "min_instances": 2},
            "scale.min_instances = 2: not below max_instances = 2; lower it, or raise the other",
        ),
        (
            {"max_instances": 2, "up_depth": 5, "down_depth": 5},
            "scale.down_depth = 5: not below up_depth = 5; lower it: between the two nothing moves",
        ),
    ],
)
def test_a_scale_that_cannot_be(scale: object, message: str) -> None:
    (said,) = messages({"scale": scale})
    assert said.startswith(f"w1: celery_worker_queues.mail.{message}")


def test_only_a_queue_of_one_pool_scales() -> None:
    (said,) = messages({"pools": ["prefork", "threads"], "scale": {"max_instances": 2}})
    assert "the queue has 2 pools, prefork, threads; use one pool, or leave scale out" in said


@pytest.mark.parametrize(("workload", "pool"), [("cpu", "prefork"), ("mixed", "prefork"), ("io", "threads")])
def test_the_pool_follows_the_workload(workload: str, pool: str) -> None:
    assert good({"workload": workload}).pools == (pool,)
    assert good({"workload": workload, "pool": "auto"}).pools == (pool,)
    assert good({"workload": workload, "pools": ["auto", "solo"]}).pools == tuple(sorted([pool, "solo"]))


def test_auto_takes_what_is_installed_for_tasks_that_wait() -> None:
    for raw, pools in (({"workload": "io"}, ("gevent",)), ({"workload": "mixed"}, ("prefork",))):
        read, problems = spec.read("mail", raw, 270, 300, io_pool="gevent")
        assert read is not None, problems
        assert (read.pools, read.auto) == (pools, pools[0])
    named, _problems = spec.read("mail", {"workload": "io", "pool": "threads"}, 270, 300, io_pool="gevent")
    assert named is not None
    assert (named.pools, named.auto) == (("threads",), None)


@pytest.mark.parametrize("workload", spec.WORKLOADS)
def test_strict_order_is_solo_unless_another_pool_is_named(workload: str) -> None:
    assert good({"workload": workload, "order": "strict"}).pools == ("solo",)
    assert good({"order": "strict", "pool": "prefork"}).pools == ("prefork",)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("concurrency", 2),
        ("min_concurrency", 2),
        ("autoscale", True),
        ("scale", {"max_instances": 2}),
        ("pools", ["prefork", "solo"]),
    ],
)
def test_nothing_that_runs_two_tasks_at_a_time_keeps_the_order(key: str, value: object) -> None:
    raw = {"order": "strict", key: value} | ({} if key == "pools" else {"pool": "prefork"})
    assert messages(raw) == [
        f"w1: celery_worker_queues.mail.{key} = {value}: order = strict is set, and one task at a time "
        "keeps it; remove one of the two"
    ]


def test_a_number_may_be_a_string_as_extra_vars_are() -> None:
    assert good({"concurrency": "8"}) == good({"concurrency": 8})


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            ["cpu"],
            "w1: celery_worker_queues.mail = ['cpu']: not a mapping of keys; "
            "write it as {workload: cpu}, or as {}",
        ),
        (
            {"concurency": 4},
            "w1: celery_worker_queues.mail.concurency = 4: unknown key; did you mean concurrency?",
        ),
        (
            {"workload": "i/o"},
            "w1: celery_worker_queues.mail.workload = i/o: unknown workload; did you mean io?",
        ),
        (
            {"workload": "heavy"},
            "w1: celery_worker_queues.mail.workload = heavy: unknown workload; use one of cpu, io, mixed",
        ),
        (
            {"pool": "preforc"},
            "w1: celery_worker_queues.mail.pool = preforc: unknown pool; did you mean prefork?",
        ),
        (
            {"pools": ["prefork", "thread"]},
            "w1: celery_worker_queues.mail.pools = ['prefork', 'thread']: unknown pool thread; "
            "did you mean threads?",
        ),
        (
            {"pools": "prefork"},
            "w1: celery_worker_queues.mail.pools = prefork: not a list; write it as a list: [...]",
        ),
        (
            {"pools": []},
            "w1: celery_worker_queues.mail.pools = []: an empty list; "
            "use one or more of auto, prefork, threads, gevent, eventlet, solo, or leave it out",
        ),
        (
            {"pools": ["auto", "prefork"]},
            "w1: celery_worker_queues.mail.pools = ['auto', 'prefork']: prefork is listed twice; "
            "list each pool once",
        ),
        (
            {"pool": "solo", "pools": ["prefork"]},
            "w1: celery_worker_queues.mail.pools = ['prefork']: pool = solo is set too; "
            "keep one of pool and pools",
        ),
        (
            {"wait_ratio": -1},
            "w1: celery_worker_queues.mail.wait_ratio = -1: not a number from 0 to 999; "
            "set the seconds a task waits for each it computes",
        ),
        (
            {"weight": 101},
            "w1: celery_worker_queues.mail.weight = 101: not a whole number in its range; "
            "set it to 1 to 100, or leave it out",
        ),
        (
            {"autoscale": "yes"},
            "w1: celery_worker_queues.mail.autoscale = yes: not a boolean; set it to true or false",
        ),
        (
            {"consumes": []},
            "w1: celery_worker_queues.mail.consumes = []: an empty list; "
            "list the broker's queues, or leave it out for [mail]",
        ),
        (
            {"consumes": ["a,b"]},
            "w1: celery_worker_queues.mail.consumes = ['a,b']: the worker cannot be told to consume 'a,b'; "
            "use names without spaces, commas, quotes, $, % and backslashes",
        ),
        (
            {"arguments": "-O fair"},
            "w1: celery_worker_queues.mail.arguments = -O fair: not a list; write it as a list: [...]",
        ),
        (
            {"arguments": ["-O fair"]},
            "w1: celery_worker_queues.mail.arguments = ['-O fair']: "
            "'-O fair' cannot be put on a unit's command line; "
            "write each word apart, as a string without spaces, quotes, $, % and backslashes",
        ),
        (
            {"arguments": ["--concurrency=9"]},
            "w1: celery_worker_queues.mail.arguments = ['--concurrency=9']: the unit already says "
            "--concurrency; remove it and set celery_worker_queues.mail.concurrency",
        ),
        (
            {"arguments": ["-c9"]},
            "w1: celery_worker_queues.mail.arguments = ['-c9']: the unit already says -c; "
            "remove it and set celery_worker_queues.mail.concurrency",
        ),
        (
            {"arguments": ["--detach"]},
            "w1: celery_worker_queues.mail.arguments = ['--detach']: the unit already says --detach; "
            "remove it",
        ),
        (
            {"min_concurrency": 5, "max_concurrency": 4},
            "w1: celery_worker_queues.mail.min_concurrency = 5: above max_concurrency = 4; "
            "set it to 4 or less",
        ),
        (
            {"concurrency": 1, "min_concurrency": 2},
            "w1: celery_worker_queues.mail.concurrency = 1: below min_concurrency = 2; remove one of the two",
        ),
        (
            {"concurrency": 5, "max_concurrency": 4},
            "w1: celery_worker_queues.mail.concurrency = 5: above max_concurrency = 4; remove one of the two",
        ),
        (
            {"pool": "solo", "concurrency": 2},
            "w1: celery_worker_queues.mail.concurrency = 2: pool solo runs one task at a time; "
            "remove it, or use another pool",
        ),
        (
            {"pool": "solo", "min_concurrency": 2},
            "w1: celery_worker_queues.mail.min_concurrency = 2: pool solo runs one task at a time; "
            "remove it, or use another pool",
        ),
        (
            {"workload": "io", "autoscale": True},
            "w1: celery_worker_queues.mail.autoscale = True: pool threads cannot grow or shrink; "
            "remove it, or use prefork or gevent or eventlet",
        ),
        (
            {"pools": ["threads", "prefork"], "stop_within": 60},
            "w1: celery_worker_queues.mail.stop_within = 60: pool prefork, threads cannot hand back a task "
            "that runs; remove it: a stop then waits for its tasks; or use pool prefork",
        ),
        (
            {"pool": "gevent", "max_tasks_per_child": 5},
            "w1: celery_worker_queues.mail.max_tasks_per_child = 5: pool gevent has no children; "
            "remove it, or use pool prefork",
        ),
        (
            {"soft_time_limit": 60, "time_limit": 60},
            "w1: celery_worker_queues.mail.soft_time_limit = 60: it must be less than "
            "celery_worker_queues.mail.time_limit = 60; lower celery_worker_queues.mail.soft_time_limit, "
            "or set celery_worker_queues.mail.time_limit above 60",
        ),
    ],
)
def test_a_mistake_is_told_with_its_fix(raw: object, message: str) -> None:
    assert messages(raw) == [message]


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ("TOKEN=s3cr3t", "environment = (hidden): not a mapping; set it to a mapping of names to values"),
        (
            {"CELERY_QUEUES": "s3cr3t"},
            "environment.CELERY_QUEUES = (hidden): the roles set this one; "
            "set consumes of the queue in celery_worker_queues",
        ),
        ({"A-B": "s3cr3t"}, "environment.A-B = (hidden): not a name of an environment variable; "),
        ({"A": ["s3cr3t"]}, "environment.A = (hidden): a list or a mapping is no value of an "),
    ],
)
def test_an_environment_that_cannot_be(environment: object, message: str) -> None:
    (said,) = messages({"environment": environment})
    assert said.startswith(f"w1: celery_worker_queues.mail.{message}")
    assert "s3cr3t" not in said


INTEGERS = [
    "concurrency",
    "min_concurrency",
    "max_concurrency",
    "weight",
    "app_memory_mb",
    "task_memory_mb",
    "time_limit",
    "soft_time_limit",
    "max_tasks_per_child",
    "cpu_quota",
]


@pytest.mark.parametrize("key", INTEGERS)
@pytest.mark.parametrize("value", ["four", 2.5, True, -1, 0, [4], {}, "4 "])
def test_what_is_no_whole_number_is_refused(key: str, value: object) -> None:
    told = messages({key: value})
    assert len(told) == 1
    assert told[0].startswith(f"w1: celery_worker_queues.mail.{key} = ")
    assert ": not a whole number in its range; set it to " in told[0]


def test_every_mistake_is_told_at_once() -> None:
    told = messages({"pool": "x", "weight": 0, "autoscale": 1, "colour": "red"})
    assert [message.partition(" = ")[0].rpartition(".")[2] for message in told] == [
        "colour",
        "pool",
        "weight",
        "autoscale",
    ]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(sorted(spec.KEYS)) | st.text(max_size=8), ANYTHING) | ANYTHING)
def test_whatever_is_written_is_read_or_told(raw: object) -> None:
    read, problems = spec.read("mail", raw, 270, 300)
    assert (read is None) is bool(problems)
    for problem in problems:
        assert "\n" not in problem.text("w1")
