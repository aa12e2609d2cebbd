# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What preflight says of beat, and what the agent and the app are told of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.beat import beat_document
from ansible_collections.celeryops.systemd.plugins.plugin_utils.beat import options
from asking import problems_of

FILE = "celery.beat:PersistentScheduler"
DJANGO = "django_celery_beat.schedulers:DatabaseScheduler"
ASKED: dict[str, Any] = {
    "scheduler": FILE,
    "schedules": {},
    "timezone": "UTC",
    "loop_interval": 5,
    "lock_timeout": 20,
    "broker_url": "redis://broker1:6379/0",
}
TWO = {"celery_beat": ["b1", "b2"]}


def problems(asked: dict[str, Any], groups: dict[str, list[str]]) -> list[str]:
    return [problem.text("b1") for problem in options.problems(options.Asked(**asked), groups)]


def told(groups: dict[str, list[str]] | None = None, **changes: Any) -> list[str]:
    """What the first host of beat says."""
    return problems({**ASKED, **changes}, groups or {"celery_beat": ["b1"]})


@pytest.mark.parametrize("groups", [{}, {"celery_beat": []}, {"celery_beat": ["b1"]}])
def test_one_beat_or_none(groups: dict[str, list[str]]) -> None:
    assert problems(ASKED, groups) == []


def test_two_beats_that_know_nothing_of_each_other() -> None:
    assert told(TWO) == [
        "b1: group celery_beat = ['b1', 'b2']: 2 hosts would each send every periodic task, for "
        "celery.beat:PersistentScheduler knows of one host; keep one of b1 and b2 in the group celery_beat, "
        "or set celery_beat_scheduler to redbeat.RedBeatScheduler"
    ]


@pytest.mark.parametrize(
    ("scheduler", "broker", "fine"),
    [
        ("redbeat.RedBeatScheduler", "redis://b/0", True),
        ("redbeat:RedBeatScheduler", "sentinel://a;sentinel://b", True),
        (DJANGO, "rediss://b/0", True),
        (DJANGO, "amqp://b//", False),
        (DJANGO, None, True),
        ("django", "amqp://b//", False),
        ("shop.beat:OwnScheduler", "redis://b/0", False),
    ],
)
def test_two_beats_need_a_schedule_and_a_lock_between_them(
    scheduler: str, broker: str | None, fine: bool
) -> None:
    assert (told(TWO, scheduler=scheduler, broker_url=broker) == []) is fine


def test_redbeat_needs_a_redis() -> None:
    (line,) = told(scheduler=options.REDBEAT, broker_url="amqp://guest:secret@b//")
    assert "celery_beat_scheduler = redbeat.RedBeatScheduler: RedBeat keeps its schedule in Redis" in line
    assert "secret" not in line
    own = {"redbeat_redis_url": "redis://other/0"}
    assert told(scheduler=options.REDBEAT, broker_url="amqp://b//", app_settings=own) == []


@pytest.mark.parametrize(("loop", "lock"), [(20, 20), (25, 20), ("25", "20")])
def test_a_lock_that_ends_before_it_is_prolonged(loop: object, lock: object) -> None:
    assert told(loop_interval=loop, lock_timeout=lock) == [
        f"b1: celery_beat_loop_interval = {loop}: it must be less than celery_beat_lock_timeout = {lock}; "
        f"lower celery_beat_loop_interval, or set celery_beat_lock_timeout above {loop}"
    ]


@pytest.mark.parametrize("name", ["loop_interval", "lock_timeout"])
@pytest.mark.parametrize("value", [0, -1, "soon", None, 2.5])
def test_no_number_of_seconds(name: str, value: object) -> None:
    asked: dict[str, Any] = {name: value}
    (line,) = told(**asked)
    assert f"celery_beat_{name} = {value}: not a whole number in its range" in line


def test_a_schedule_is_checked_too() -> None:
    (line,) = told(schedules={"digest": {"task": "t", "every": "x"}})
    assert "celery_beat_schedules.digest.every = x" in line


def test_only_the_first_host_of_the_play_tells() -> None:
    def asked_of(host: str, play_hosts: list[str]) -> list[str]:
        return problems_of("celery_beat", host, TWO, play_hosts=play_hosts, celery_beat_scheduler=FILE)

    assert len(asked_of("b1", ["b1", "b2"])) == 1
    assert asked_of("b2", ["b1", "b2"]) == []
    assert len(asked_of("b2", ["b2"])) == 1


def test_wrong_types_are_errors_of_the_play() -> None:
    with pytest.raises(TypeError, match="colour"):
        beat_document({**ASKED, "colour": "red"})


def test_what_the_agent_is_told() -> None:
    asked = {**ASKED, "schedules": {"digest": {"task": "t", "every": "1m"}}, "loop_interval": "5"}
    assert beat_document(asked) == {
        "settings": {"beat_max_loop_interval": 5},
        "lock_timeout": 20,
        "schedules": {"digest": {"task": "t", "every": 60}},
    }


def test_what_the_release_has_to_have() -> None:
    assert options.needs(FILE, {}) == []
    assert options.needs("", {}) == []
    (redbeat,) = options.needs(options.REDBEAT, {"digest": {"task": "t", "every": 5}})
    assert (redbeat["module"], redbeat["package"]) == ("redbeat", "celery-redbeat")
    assert redbeat["variable"] == "celery_beat_scheduler"
    assert options.needs(DJANGO, {})[0]["package"] == "django-celery-beat"
    sun = {"event": "sunset", "latitude": 1, "longitude": 1}
    lamps = {"task": "t", "solar": sun}
    (ephem,) = options.needs(FILE, {"lamps": lamps, "signs": lamps})
    assert (ephem["module"], ephem["variable"]) == ("ephem", "celery_beat_schedules.lamps.solar")


@pytest.mark.parametrize("host", ["b1", "b2"])
def test_the_environment_of_each_host_is_checked(host: str) -> None:
    def said(**environment: object) -> list[str]:
        values: dict[str, Any] = {"celery_beat_scheduler": options.REDBEAT}
        values["celery_beat_environment"] = environment
        return problems_of("celery_beat", host, {"celery": ["b1", "b2"], **TWO}, **values)

    assert said(TOKEN="s3cr3t", PYTHONPATH="/srv/lib", LEFT=None) == []
    (told_,) = said(CELERY_SCHEDULER="s3cr3t")
    assert told_ == (
        f"{host}: celery_beat_environment.CELERY_SCHEDULER = (hidden): the roles set this one; "
        "set celery_beat_scheduler"
    )


def test_where_entries_are_sent_is_told_without_their_arguments() -> None:
    schedules = {
        "digest": {"task": "shop.digest", "args": ["secret"], "options": {"queue": "x", "priority": 3}},
        "wrong": ["shop.digest"],
        "plain": {"task": "shop.ship"},
    }
    assert options.sends(schedules) == {
        "digest": {"task": "shop.digest", "options": {"queue": "x"}},
        "plain": {"task": "shop.ship", "options": {}},
    }
