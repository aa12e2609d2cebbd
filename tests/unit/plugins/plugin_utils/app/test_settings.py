# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The settings that lose no task, and the operator's over them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.app import celery_settings as face
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import settings
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.settings import (
    Timeouts,
    celery_settings,
    settings_problems,
)
from celery import Celery
from celery.app.defaults import NAMESPACES, flatten
from celery.utils.quorum_queues import detect_quorum_queues
from hypothesis import given
from hypothesis import strategies as st

TIMEOUTS = Timeouts(270, 300, 3600)
REDIS = "redis://broker1:6379/0"
AMQP = "amqps://broker1//"


def made(overrides: dict[str, Any] | None = None, broker: str | None = REDIS) -> dict[str, Any]:
    """Return the settings for a broker that holds the results too, where it can."""
    return celery_settings(overrides or {}, TIMEOUTS, broker, settings.usable_result_backend(broker))


@pytest.mark.parametrize("broker", [REDIS, "rediss://h", "sentinel://h", AMQP, "sqs://", None])
def test_celery_knows_every_setting(broker: str | None) -> None:
    # Read by the Redis backend, and missing in Celery's own list.
    known = {name for name, _option in flatten(NAMESPACES)} | {"redis_backend_health_check_interval"}
    assert set(made(broker=broker)) - known == set()


def test_an_app_takes_them_over_its_own() -> None:
    app = Celery("shop", broker=REDIS)
    app.conf.update(task_acks_late=False, accept_content=["pickle"])
    app.conf.update(json.loads(json.dumps(made())))
    assert app.conf.task_acks_late is True
    assert app.conf.accept_content == ["json"]
    assert app.conf.broker_transport_options["visibility_timeout"] == TIMEOUTS.visibility_timeout


def test_options_of_a_transport_are_only_for_that_transport() -> None:
    assert "visibility_timeout" in made()["broker_transport_options"]
    assert made(broker=AMQP)["broker_transport_options"] == {"confirm_publish": True}
    assert "broker_transport_options" not in made(broker=None)
    assert not [name for name in made(broker=AMQP) if name.startswith(("redis_", "result_backend"))]


def test_queues_of_a_rabbitmq_of_the_fleets_own_are_quorum_queues() -> None:
    """Those of `-Q`, and the default one; through exchanges that can delay."""
    own = settings.Own(queue_type="quorum", ca_file="/ca.pem")
    found = celery_settings({}, TIMEOUTS, AMQP, None, own)
    assert set(found) <= {name for name, _option in flatten(NAMESPACES)}
    app = Celery("shop", broker=AMQP)
    app.conf.update(json.loads(json.dumps(found)))
    for queue in (app.amqp.queues["mail"], app.amqp.queues[app.conf.task_default_queue]):
        assert (queue.queue_arguments, queue.exchange.type) == ({"x-queue-type": "quorum"}, "topic")
    assert detect_quorum_queues(app, "amqp")[0]
    assert app.connection_for_write().ssl == {"ca_certs": "/ca.pem", "cert_reqs": 2, "server_hostname": None}
    assert "task_default_queue_type" not in made(broker=AMQP)


def test_what_runs_when_the_connection_is_lost_depends_on_who_redelivers() -> None:
    name = "worker_cancel_long_running_tasks_on_connection_loss"
    assert (made()[name], made(broker=AMQP)[name]) == (False, True)


def test_the_operator_wins_and_null_leaves_it_to_the_code() -> None:
    found = made({"task_acks_late": None, "result_extended": True, "worker_prefetch_multiplier": 2})
    assert "task_acks_late" not in found
    assert (found["result_extended"], found["worker_prefetch_multiplier"]) == (True, 2)


def test_transport_options_are_merged_key_by_key() -> None:
    options = {"socket_timeout": 5, "health_check_interval": None, "client_name": "shop"}
    found = made({"broker_transport_options": options})["broker_transport_options"]
    assert found["visibility_timeout"] == TIMEOUTS.visibility_timeout
    assert (found["socket_timeout"], found["client_name"]) == (5, "shop")
    assert "health_check_interval" not in found
    assert "broker_transport_options" not in made({"broker_transport_options": None})


@given(st.dictionaries(st.sampled_from(sorted(made())), st.none() | st.integers() | st.text(max_size=5)))
def test_every_override_is_there_and_every_null_is_not(overrides: dict[str, Any]) -> None:
    found = made(overrides)
    assert {name: found.get(name) for name in overrides} == overrides
    assert None not in found.values()


def test_every_setting_says_why_and_where_that_is_known_from() -> None:
    every = settings.safe_settings(TIMEOUTS, REDIS, REDIS) + settings.safe_settings(TIMEOUTS, AMQP, None)
    assert [item.name for item in every if not (item.why and item.source)] == []


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["task_acks_late"], ["celery_app_settings =", "not a mapping"]),
        ({"CELERY_TASK_ACKS_LATE": True}, ["CELERY_TASK_ACKS_LATE", "write task_acks_late"]),
        ({"broker_url": "redis://x"}, ["set celery_app_broker_url"]),
        ({"task_time_limit": 5}, ["celery_app_settings.task_time_limit = 5", "celery_app_task_time_limit"]),
        (
            {"broker_transport_options": {"visibility_timeout": 60}},
            ["broker_transport_options.visibility_timeout = 60", "set celery_app_visibility_timeout"],
        ),
    ],
)
def test_what_the_fleet_reads_elsewhere_is_refused_here(overrides: Any, words: list[str]) -> None:
    [problem] = settings_problems(overrides)
    assert [word for word in words if word not in problem.text("w1")] == []


def test_settings_that_are_fine_have_no_problem() -> None:
    assert settings_problems({"result_extended": True, "broker_transport_options": {"x": 1}}) == []


@pytest.mark.parametrize(
    ("url", "backend"), [(REDIS, REDIS), ("rediss://h/1", "rediss://h/1"), (AMQP, None), (None, None)]
)
def test_only_a_redis_holds_results(url: str | None, backend: str | None) -> None:
    assert settings.usable_result_backend(url) == backend


@pytest.mark.parametrize("timeouts", [{"time_limit": 1}, {"soft_time_limit": "soon"}, None])
def test_wrong_timers_are_an_error(timeouts: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        face({}, timeouts)
