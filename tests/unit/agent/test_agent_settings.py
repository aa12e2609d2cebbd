# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory's settings against the code's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from celery import Celery
from celery.app.task import Task
from celeryops_agent.settings import apply_settings, load_settings, not_said, recorded_tasks
from celeryops_agent.signed import UnsignedError
from redis.sentinel import Sentinel


def work() -> None:
    """What a task does here."""


def write(path: Path, content: object) -> str:
    """A settings file."""
    file = path / "settings.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return str(file)


def test_a_null_leaves_it_to_the_code(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        {
            "task_acks_late": True,
            "result_expires": None,
            "broker_transport_options": {"visibility_timeout": None, "socket_timeout": 5},
        },
    )
    assert load_settings(path) == {"task_acks_late": True, "broker_transport_options": {"socket_timeout": 5}}


def test_a_sentinel_that_is_gone_is_asked_once(tmp_path: Path) -> None:
    options = {"master_name": "main", "sentinel_kwargs": {"password": "p"}}
    kept = load_settings(write(tmp_path, {"broker_transport_options": options}))["broker_transport_options"]
    client: Any = Sentinel  # redis-py leaves it untyped
    (asked,) = client([("127.0.0.1", 1)], sentinel_kwargs=kept["sentinel_kwargs"]).sentinels
    assert asked.connection_pool.make_connection().retry._retries == 0
    json.dumps(kept)  # as `celery inspect conf` does


def test_no_file() -> None:
    assert load_settings("") == {}


@pytest.mark.parametrize("content", ["{", "[1]", "null"])
def test_a_bad_file_names_its_variable(tmp_path: Path, content: str) -> None:
    file = tmp_path / "settings.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=f"CELERYOPS_SETTINGS={file}"):
        load_settings(str(file))


#: The same settings as Celery knows them, as a Django project has them, and as Celery 3 called them.
CODE: list[tuple[str | None, dict[str, object]]] = [
    (
        None,
        {
            "task_time_limit": 7,
            "worker_prefetch_multiplier": 9,
            "task_track_started": True,
            "result_backend": "rpc",
        },
    ),
    (
        "CELERY",
        {
            "CELERY_TASK_TIME_LIMIT": 7,
            "CELERY_WORKER_PREFETCH_MULTIPLIER": 9,
            "CELERY_TASK_TRACK_STARTED": True,
            "CELERY_RESULT_BACKEND": "rpc",
        },
    ),
    (
        "celery",
        {
            "celery_task_time_limit": 7,
            "celery_worker_prefetch_multiplier": 9,
            "celery_task_track_started": True,
            "celery_result_backend": "rpc",
        },
    ),
    (
        None,
        {
            "CELERYD_TASK_TIME_LIMIT": 7,
            "CELERYD_PREFETCH_MULTIPLIER": 9,
            "CELERY_TRACK_STARTED": True,
            "CELERY_RESULT_BACKEND": "rpc",
        },
    ),
]


@pytest.mark.parametrize("loaded", [False, True], ids=["before the code's are read", "after"])
@pytest.mark.parametrize("as_object", [False, True], ids=["mapping", "module"])
@pytest.mark.parametrize(("namespace", "code"), CODE, ids=["new", "CELERY_", "celery_", "old"])
def test_the_inventory_wins(
    loaded: bool, as_object: bool, namespace: str | None, code: dict[str, object]
) -> None:
    app = Celery(set_as_current=False)
    app.config_from_object(SimpleNamespace(**code) if as_object else dict(code), namespace=namespace)
    if loaded:
        assert app.conf.task_time_limit == 7
    asked = {
        "task_time_limit": 300,
        "worker_prefetch_multiplier": 1,
        "result_backend": "redis://",
        "x_own": 1,
    }
    apply_settings(app.conf, asked, [])
    assert {key: getattr(app.conf, key) for key in asked} == asked
    assert app.conf.get("CELERYD_TASK_TIME_LIMIT") == 300  # who still asks by the old name
    assert app.conf.task_track_started is True


def test_mappings_are_merged() -> None:
    app = Celery(set_as_current=False)
    app.conf.broker_transport_options = {"global_keyprefix": "shop:", "visibility_timeout": 60}
    apply_settings(app.conf, {"broker_transport_options": {"visibility_timeout": 3600}}, [])
    assert app.conf.broker_transport_options == {"global_keyprefix": "shop:", "visibility_timeout": 3600}


def test_a_service_waits_for_its_broker_for_ever() -> None:
    app = Celery(set_as_current=False)
    apply_settings(app.conf, {}, [])
    assert app.conf.broker_connection_max_retries is None
    apply_settings(app.conf, {"broker_connection_max_retries": 3}, [])
    assert app.conf.broker_connection_max_retries == 3


def test_tasks_that_the_app_used_while_it_was_imported() -> None:
    bind = Task.__dict__["bind"]
    with recorded_tasks() as taken:
        app = Celery(set_as_current=False)
        follows_settings: Any = app.task(work, name="follows", shared=False)
        decides_itself: Any = app.task(work, name="decides", acks_late=False, shared=False)
        app.conf.beat_schedule = {"a": {"task": follows_settings.name}, "b": {"task": decides_itself.name}}
    assert Task.__dict__["bind"] is bind
    apply_settings(app.conf, {"task_acks_late": True}, taken)
    used_later: Any = app.task(work, name="later", shared=False)

    assert follows_settings.acks_late is True
    assert decides_itself.acks_late is False
    assert used_later.acks_late is True


def test_what_the_command_line_sets_is_not_asked_of_the_configuration() -> None:
    settings = {"worker_proc_alive_timeout": 60.0, "task_time_limit": 300}
    words = ["/venv/bin/celery", "worker", "--time-limit=7", "worker_proc_alive_timeout=32"]
    assert not_said(settings, words) == {"task_time_limit": 300}


SAFE: dict[str, Any] = {"task_serializer": "json", "result_serializer": "json", "accept_content": ["json"]}
SIGNED: dict[str, Any] = {"task_serializer": "auth", "result_serializer": "auth", "accept_content": ["auth"]}
#: The names that the code may use: new ones, a Django project's, and Celery 3's.
SIGNED_CODE: list[tuple[str | None, dict[str, object]]] = [
    (None, SIGNED),
    ("CELERY", {f"CELERY_{name.upper()}": value for name, value in SIGNED.items()}),
    (None, {f"CELERY_{name.upper()}": value for name, value in SIGNED.items()}),
]


def laid_over(code: dict[str, object], asked: dict[str, Any], namespace: str | None = None) -> dict[str, Any]:
    """Return what the configuration holds of the three, and check that it is what is told to hold."""
    app = Celery(set_as_current=False)
    app.config_from_object(dict(code), namespace=namespace)
    held = apply_settings(app.conf, asked, [])
    found = {name: getattr(app.conf, name) for name in SAFE}
    assert {name: value for name, value in held.items() if name in asked} == {
        name: found[name] for name in asked
    }
    return found


@pytest.mark.parametrize(("namespace", "code"), SIGNED_CODE, ids=["new", "CELERY_", "old"])
def test_a_signature_that_the_code_asks_for_is_kept(namespace: str | None, code: dict[str, object]) -> None:
    assert laid_over(code, SAFE, namespace) == SIGNED


def test_a_signature_that_is_asked_for_by_hand_is_kept() -> None:
    app = Celery(set_as_current=False)
    app.conf.task_serializer = "auth"
    app.conf.update(accept_content=("auth",))
    apply_settings(app.conf, SAFE, [])
    assert (app.conf.task_serializer, app.conf.accept_content) == ("auth", ["auth"])
    assert app.conf.result_serializer == "json"


@pytest.mark.parametrize(
    ("code", "asked", "held"),
    [
        # What the code does not sign, the safe settings decide, as ever.
        ({"task_serializer": "pickle", "accept_content": ["pickle"]}, SAFE, SAFE),
        ({}, SAFE, SAFE),
        ({"task_serializer": "auth", "accept_content": ["auth"], "result_serializer": "pickle"}, SAFE,
         {**SIGNED, "result_serializer": "json"}),
        # Stricter than the code.
        ({"task_serializer": "auth", "accept_content": ["auth", "json"]}, {"accept_content": ["auth"]},
         {**SAFE, "task_serializer": "auth", "accept_content": ["auth"]}),
        ({}, SIGNED, SIGNED),
        # Left to the code, as on the way from one to the other.
        ({"accept_content": ["auth", "json"]}, {"task_serializer": "json"},
         {**SAFE, "accept_content": ["auth", "json"]}),
    ],
)  # fmt: skip
def test_of_two_the_stricter_holds(
    code: dict[str, object], asked: dict[str, Any], held: dict[str, Any]
) -> None:
    assert laid_over(code, asked) == held


@pytest.mark.parametrize(
    ("code", "asked", "name"),
    [
        ({"accept_content": ["auth", "json"]}, SAFE, "accept_content = ['json']"),
        ({"accept_content": ["auth"]}, {"accept_content": ["auth", "json"]}, "accept_content = ['auth', 'j"),
        ({"accept_content": ["auth"]}, {"accept_content": ["json", "pickle"]}, "accept_content"),
        ({"task_serializer": "auth"}, {"task_serializer": "yaml"}, "task_serializer = yaml"),
    ],
)
def test_what_takes_a_signature_away_is_refused(
    code: dict[str, object], asked: dict[str, Any], name: str
) -> None:
    with pytest.raises(UnsignedError, match=re.escape(f"celery_app_settings.{name}")) as refused:
        laid_over(code, asked)
    assert "the app's code signs" in str(refused.value)


def test_a_task_that_is_used_while_it_is_imported_signs_too() -> None:
    with recorded_tasks() as taken:
        app = Celery(set_as_current=False)
        early: Any = app.task(work, name="early", shared=False)
        app.conf.beat_schedule = {"a": {"task": early.name}}
        app.conf.update(SIGNED)
    apply_settings(app.conf, SAFE, taken)
    assert early.serializer == "auth"
