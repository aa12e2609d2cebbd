# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The one reader of the inventory: what it says of the whole fleet."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import settings
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory import reader, timers
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import planning
from hypothesis import given
from hypothesis import strategies as st

GROUPS = {"celery": ["w1", "w2"], "celery_queue_mail": ["w1"], "celery_queue_video": ["w2"]}
LIMITS = st.one_of(st.none(), st.integers(2, 100_000), st.integers(2, 100_000).map(str))


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, 3600),
        ({"celery_worker_queues": {"video": {"time_limit": 7200}, "mail": {}}}, 14460),
        ({"celery_worker_queues": {"video": {"soft_time_limit": 7200}}}, 14520),
        ({"celery_app_task_time_limit": 7200}, 14460),
        ({"celery_app_task_time_limit": "9000"}, 18060),
        (
            {
                "celery_worker_queues": {"video": {"time_limit": 7200}},
                "celery_app_longest_countdown": 1000,
            },
            15460,
        ),
        ({"celery_app_visibility_timeout": "20000"}, 20000),
        ({"celery_worker_queues": ["mail"], "celery_app_task_time_limit": "5m"}, 3600),
    ],
)
def test_the_visibility_timeout_follows_every_limit(variables: dict[str, Any], expected: int) -> None:
    found = reader.fleet_timers({"w1": {}, "w2": variables}, GROUPS)
    assert {host: each["visibility_timeout"] for host, each in found.items()} == {
        "w1": expected,
        "w2": expected,
    }


def test_limits_are_a_hosts_own_and_the_soft_one_follows_the_hard_one() -> None:
    hostvars = {"w1": {"celery_app_task_time_limit": 7200}, "w2": {"celery_app_task_soft_time_limit": 100}}
    found = reader.fleet_timers(hostvars, GROUPS)
    assert [(each["soft_time_limit"], each["time_limit"]) for each in found.values()] == [
        (6480, 7200),
        (100, 300),
    ]


def test_a_fleet_of_several_hosts_without_tls_is_told() -> None:
    groups = {"celery_broker": ["hub"], "celery_queue_mail": ["hub", "w1"]}
    plain: dict[str, Any] = {"hub": {}, "w1": {}}
    (doubt,) = reader.doubts(plain, groups)
    assert doubt.startswith("hub: broker_tls = False: tasks and passwords of 1 hosts cross the network")
    assert reader.doubts({**plain, "hub": {"broker_tls": "yes"}}, groups) == []
    assert reader.doubts({"hub": {}}, {"celery_broker": ["hub"], "celery_queue_mail": ["hub"]}) == []
    assert reader.doubts({"w1": {}}, {"celery_queue_mail": ["w1"]}) == []


def test_a_host_that_no_group_names_is_told_of_where_it_is_played() -> None:
    assert sorted(reader.fleet_timers({"w1": {}, "w2": {}, "solo": {}}, GROUPS, ["solo"])) == [
        "solo",
        "w1",
        "w2",
    ]


@given(
    hosts=st.lists(
        st.fixed_dictionaries(
            {
                "celery_app_task_time_limit": LIMITS,
                "celery_app_task_soft_time_limit": LIMITS,
                "celery_app_longest_countdown": st.integers(0, 100_000),
                "limit": LIMITS,
            }
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_written_outlasts_every_limit_that_is_written(hosts: list[dict[str, Any]]) -> None:
    """The visibility timeout of any settings.json, and each limit there and in any environment file."""
    hostvars = {}
    for number, asked in enumerate(hosts):
        queue = {} if asked["limit"] is None else {"time_limit": int(asked["limit"])}
        given_ = {name: value for name, value in asked.items() if value is not None and name != "limit"}
        hostvars[f"w{number}"] = {**given_, "celery_worker_queues": {"mail": queue}}
    groups = {"celery": list(hostvars), "celery_queue_mail": list(hostvars)}
    facts = {"celeryops": {"cores": 2, "memory_mb": 4096}}
    found = reader.fleet_timers(hostvars, groups)
    held, limits = set(), set()
    for host, own in found.items():
        document = settings.celery_settings({}, settings.Timeouts(**own), "redis://b/0", None)
        held.add(document["broker_transport_options"]["visibility_timeout"])
        limits.add(document["task_time_limit"])
        defaults = {"soft_time_limit": own["soft_time_limit"], "time_limit": own["time_limit"]}
        fleet = planning.Fleet(hostvars[host]["celery_worker_queues"], groups, defaults)
        if not fleet.instances(host)[1]:
            limits |= {instance["time_limit"] for instance in fleet.plan(host, facts)["instances"]}
    countdown = max(asked["celery_app_longest_countdown"] for asked in hosts)
    assert len(held) == 1
    assert held.pop() > countdown + max(map(timers.stop_timeout, limits))
