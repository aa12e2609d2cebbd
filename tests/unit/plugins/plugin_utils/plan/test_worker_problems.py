# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What preflight says of the queues, before anything is touched."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import worker_checks
from asking import problems_of
from hypothesis import given
from hypothesis import strategies as st

FACTS = {"celeryops": {"cores": 4, "memory_mb": 8192}}
GROUPS = {"celery": ["w1", "w2"], "celery_queue_mail": ["w1", "w2"]}


def told(
    queues: object, groups: dict[str, list[str]] | None = None, host: str = "w1", **more: Any
) -> list[str]:
    """Return what a host says."""
    facts = more.pop("facts", FACTS)
    return problems_of("celery_worker", host, groups or GROUPS, facts, celery_worker_queues=queues, **more)


def test_a_good_inventory_is_silent() -> None:
    assert told({"mail": {"workload": "io"}}) == []
    assert told({}, {"celery": ["w1"]}) == []


@pytest.mark.parametrize(
    ("queues", "groups", "message"),
    [
        (
            {"mail": {}, "img": {}},
            GROUPS,
            "w1: celery_worker_queues.img = {}: no host serves it: the group celery_queue_img is missing; "
            "put hosts into celery_queue_img, or remove the queue",
        ),
        (
            {"mail": {}, "img": None},
            GROUPS | {"celery_queue_img": []},
            "w1: celery_worker_queues.img = {}: no host serves it: the group celery_queue_img is empty; "
            "put hosts into celery_queue_img, or remove the queue",
        ),
        (
            {"mail": {}},
            GROUPS | {"celery_queue_mial": ["w2"]},
            "w1: group celery_queue_mial = ['w2']: no queue of celery_worker_queues has this group; "
            "add the queue to celery_worker_queues or rename the group; did you mean celery_queue_mail?",
        ),
        (
            {},
            GROUPS,
            "w1: group celery_queue_mail = ['w1', 'w2']: no queue of celery_worker_queues has this group; "
            "add the queue to celery_worker_queues or rename the group; no queue is set yet",
        ),
        (
            {"mail": {}, "m-1": {}, "m.1": {}},
            GROUPS | {"celery_queue_m_1": ["w1"]},
            "w1: celery_worker_queues = m-1, m.1: these queues share the group celery_queue_m_1; "
            "rename all but one of them",
        ),
        (
            {"mail": {}, "m/1": {}},
            GROUPS | {"celery_queue_m_1": ["w1"]},
            "w1: celery_worker_queues.m/1 = {}: the name of the queue cannot be part of a unit's name; "
            "use at most 100 letters, digits, _, . and -; what the broker calls it goes into consumes",
        ),
        (
            {"mail": {}},
            GROUPS | {"celery_queue_mail": ["w1", "w3", "w4"]},
            "w1: group celery_queue_mail = ['w1', 'w3', 'w4']: w3, w4 would be missed: "
            "site.yml plays on the group celery; make celery_queue_mail a child of celery",
        ),
        (
            {"mail": {}},
            GROUPS | {"celery_beat": ["b1"]},
            "w1: group celery_beat = ['b1']: b1 would be missed: site.yml plays on the group celery; "
            "make celery_beat a child of celery",
        ),
        (
            {"mail": {"order": "strict"}},
            GROUPS | {"celery_queue_mail": ["w1", "w2"]},
            "w1: celery_worker_queues.mail.order = strict: 2 hosts serve it at a time; "
            "leave one host in celery_queue_mail",
        ),
        (
            {"mail": {"pool": "preforc"}},
            GROUPS,
            "w1: celery_worker_queues.mail.pool = preforc: unknown pool; did you mean prefork?",
        ),
        (
            {"mail": {"app_memory_mb": 9000}},
            GROUPS,
            "w1: celery_worker_queues.mail.app_memory_mb = 9000: mail-prefork needs 20056 MB "
            "(9000 of the app + 1 x 9050 a slot, and a tenth), "
            "and w1 has 7372 MB of 8192 for workers (system 819 MB): 12684 MB short; "
            "lower it, or serve the queue from a host with 33560 MB or more",
        ),
    ],
)
def test_a_problem_is_told_with_its_fix(queues: object, groups: dict[str, list[str]], message: str) -> None:
    assert told(queues, groups) == [message]


@pytest.mark.parametrize(
    ("spec", "variables", "message"),
    [
        (
            {},
            {"celery_app_task_soft_time_limit": 300},
            "w1: celery_app_task_soft_time_limit = 300: it must be less than "
            "celery_app_task_time_limit = 300; lower celery_app_task_soft_time_limit, "
            "or set celery_app_task_time_limit above 300",
        ),
        (
            {"time_limit": 7200},
            {"celery_app_visibility_timeout": 3600},
            "w1: celery_worker_queues.mail.time_limit = 7200: with the 30 s of a stop it holds a message for "
            "7230 s, and celery_app_visibility_timeout = 3600 delivers it again before that; "
            "set celery_app_visibility_timeout above 7230 or to 0 (derived), "
            "or lower celery_worker_queues.mail.time_limit",
        ),
        (
            {},
            {"celery_app_visibility_timeout": 3600, "celery_app_longest_countdown": 3600},
            "w1: celery_app_longest_countdown = 3600: with celery_worker_queues.mail.time_limit = 300 it "
            "holds a message for 3930 s, and celery_app_visibility_timeout = 3600 delivers it again before "
            "that; set celery_app_visibility_timeout above 3930 or to 0 (derived), "
            "or lower celery_app_longest_countdown",
        ),
    ],
)
def test_timers_that_contradict(spec: dict[str, Any], variables: dict[str, Any], message: str) -> None:
    assert told({"mail": spec}, **variables) == [message]


def test_a_bounded_stop_needs_late_acks() -> None:
    queues = {"mail": {"stop_within": 60}}
    assert told(queues) == []
    early = {"task_acks_late": False}
    assert told({"mail": {}}, celery_app_settings=early) == []
    assert told(queues, celery_app_settings=early) == [
        "w1: celery_worker_queues.mail.stop_within = 60: with celery_app_settings.task_acks_late = false "
        "a task that is cut short is lost; leave acks late, or remove stop_within: "
        "a stop then waits for its tasks"
    ]


def test_a_host_that_nobody_looked_at() -> None:
    (message,) = told({"mail": {}}, facts={})
    assert message.startswith("w1: ansible_facts = ")


def test_each_host_tells_of_its_own_queues_and_the_first_of_the_fleet() -> None:
    queues = {"mail": {"weight": 0}, "img": {"pool": "x"}, "old": {"pool": "y"}, "gone": {}}
    groups = {
        "celery": ["w1", "w2", "w3"],
        "celery_queue_mail": ["w1", "w2"],
        "celery_queue_img": ["w2"],
        "celery_queue_old": ["w3"],
    }
    play = ["w1", "w2"]

    def variables(host: str) -> list[str]:
        return [
            message.partition(" = ")[0].partition(": ")[2]
            for message in told(queues, groups, host, play_hosts=play)
        ]

    assert variables("w1") == [
        "celery_worker_queues.mail.weight",
        "celery_worker_queues.gone",
        "celery_worker_queues.old.pool",
    ]
    assert variables("w2") == ["celery_worker_queues.img.pool", "celery_worker_queues.mail.weight"]


def test_a_role_may_be_used_without_the_group_celery() -> None:
    assert told({"mail": {}}, {"celery_queue_mail": ["w1"]}) == []


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.just("mail") | st.text(max_size=6) | st.integers(), ANYTHING))
def test_whatever_the_operator_writes_it_answers(queues: object) -> None:
    for message in told(queues):
        assert message.startswith("w1: ")
        assert "; " in message


def test_a_problem_shows_nothing_that_may_be_a_secret() -> None:
    secret = {"environment": {"TOKEN": "s3cr3t"}}
    misspelt = {"enviroment": {"A": "s3cr3t"}}
    queues: dict[str, object] = {"m/1": secret, "img": secret, "mail": [secret], "video": misspelt}
    groups = {"celery": ["w1"], "celery_queue_mail": ["w1"], "celery_queue_video": ["w1"]}
    told = [problem.text("w1") for problem in worker_checks.fleet_problems(queues, groups)]
    told += [problem.text("w1") for problem in worker_checks.host_problems(queues, "w1", groups, {}, {})]
    assert "w1: celery_worker_queues.img = (hidden): no host serves it" in str(told)
    assert "w1: celery_worker_queues.video.enviroment = (hidden): unknown key" in str(told)
    assert "s3cr3t" not in str(told)
