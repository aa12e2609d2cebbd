# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The queues that an app sends to against those that the fleet consumes, with the real Celery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from unit.roles.celery_app.test_import_app import run

APP = """\
import celery
from kombu import Queue
app = celery.Celery('shop')
@app.task(name='shop.ship')
def ship():
    pass
"""
IMAGES = APP + "app.conf.task_routes = {'shop.*': {'queue': 'images'}}\n"
BEAT = APP + "app.conf.beat_schedule = {'roll': {'task': 'other.roll', 'schedule': 9, 'options': {%s}}}\n"
LIST = "or list it in celery_app_foreign_queues where others consume it"


def queues(*consumed: str, foreign: tuple[str, ...] = (), periodic: Any = None) -> dict[str, Any]:
    return {"consumed": list(consumed), "foreign": list(foreign), "periodic": periodic}


def test_the_default_queue_that_nobody_consumes_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path, APP, queues=queues("default", "mail")) == (
        1,
        "celery_worker_queues = default, mail: the app sends to the queue celery (task_default_queue), which "
        "no worker consumes; set celery_app_settings: {task_default_queue: default}, let a queue consume it "
        f"(consumes), {LIST}",
    )
    given = {"task_default_queue": "mail"}
    assert run(tmp_path, APP, queues=queues("default", "mail"), settings=given) == (0, "")
    assert run(tmp_path, APP, queues=queues("default", "celery")) == (0, "")
    assert run(tmp_path, APP, queues=queues("default", foreign=("celery",))) == (0, "")


def test_a_route_to_a_queue_that_nobody_consumes_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path, IMAGES, queues=queues("celery")) == (
        1,
        "celery_worker_queues = celery: the app sends to the queue images (task_routes, for shop.ship), "
        f"which no worker consumes; let a queue consume it (consumes), {LIST}",
    )
    assert run(tmp_path, IMAGES, queues=queues("images")) == (0, "")


@pytest.mark.parametrize(
    ("code", "to"),
    [
        ("app.conf.task_routes = [{'shop.ship': 'images'}]", "images (task_routes, for shop.ship)"),
        ("app.conf.task_routes = {'shop.*': {'queue': Queue('i')}}", "i (task_routes, for shop.ship)"),
        ("app.conf.task_routes = {'other.*': 'images'}", "celery (task_default_queue)"),
        ("ship.queue = 'images'", "images (the task shop.ship)"),
    ],
)
def test_how_a_task_may_be_routed(tmp_path: Path, code: str, to: str) -> None:
    status, said = run(tmp_path, f"{APP}{code}\n", queues=queues("default"))
    assert status == 1
    assert f"sends to the queue {to}, which" in said


@pytest.mark.parametrize(
    "code",
    [
        # Only a call tells where these go.
        "app.conf.task_routes = (lambda name, *args, **options: None,)",
        "app.conf.task_routes = [{'other': 'x'}, lambda name, *args, **options: {'queue': 'default'}]",
        # The bindings of the exchange decide.
        "app.conf.task_routes = {'shop.*': {'exchange': 'orders', 'routing_key': 'a.b'}}",
        # A queue that a worker names by its alias.
        "ship.queue = Queue('bcast.1', alias='default')",
    ],
)
def test_what_cannot_be_told_is_not_refused(tmp_path: Path, code: str) -> None:
    assert run(tmp_path, f"{APP}{code}\n", queues=queues("default")) == (0, "")


def test_a_fleet_without_workers_sends_to_others(tmp_path: Path) -> None:
    assert run(tmp_path, APP, queues=queues()) == (0, "")


def test_an_app_without_tasks_sends_nothing(tmp_path: Path) -> None:
    code = "import celery\napp = celery.Celery('shop')\n"
    assert run(tmp_path, code, queues=queues("default")) == (0, "")


def test_an_entry_of_beat_counts_where_beat_runs(tmp_path: Path) -> None:
    code = BEAT % "'queue': 'nightly'"
    assert run(tmp_path, code, queues=queues("celery")) == (0, "")
    status, said = run(tmp_path, code, queues=queues("celery", periodic={}))
    assert status == 1
    assert "sends to the queue nightly (beat_schedule.roll), which no worker consumes; let a queue" in said
    assert run(tmp_path, code, queues=queues("celery", "nightly", periodic={}))[0] == 0
    assert run(tmp_path, BEAT % "'exchange': 'x'", queues=queues("celery", periodic={}))[0] == 0


def test_an_entry_of_the_inventory_is_told_by_its_name(tmp_path: Path) -> None:
    code = BEAT % "'queue': 'nightly'"
    periodic = {"roll": {"task": "other.roll", "options": {"queue": "day"}}, "b": {"task": "shop.ship"}}
    status, said = run(tmp_path, code, queues=queues("celery", periodic=periodic))
    assert status == 1
    assert "sends to the queue day (celery_beat_schedules.roll), which" in said


def test_several_queues_are_told_at_once(tmp_path: Path) -> None:
    code = IMAGES + "@app.task(name='other')\ndef other():\n    pass\n"
    status, said = run(tmp_path, code, queues=queues("default"))
    assert status == 1
    assert (
        "the app sends to the queues celery (task_default_queue) and images (task_routes, for shop.ship), "
        "which no worker consumes; set"
    ) in said
    assert said.endswith("let queues consume them (consumes), or list them in celery_app_foreign_queues "
                         "where others consume them")  # fmt: skip


def test_an_entry_of_beat_whose_task_no_worker_has_is_told(tmp_path: Path) -> None:
    code = BEAT % "'queue': 'nightly'"
    periodic = {"digest": {"task": "shop.shop"}}
    served = queues("celery", "nightly", periodic=periodic)
    assert run(tmp_path, code, queues=served) == (
        0,
        "beat_schedule.roll = other.roll and celery_beat_schedules.digest = shop.shop: the app has no such "
        "task, and its workers would run none; fix the name, or import the module that has the task",
    )
    # Others may have it.
    served = queues("celery", foreign=("nightly",), periodic={})
    assert run(tmp_path, code, queues=served) == (0, "")
