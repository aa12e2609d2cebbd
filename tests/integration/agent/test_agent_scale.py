# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The scaler against a real Redis: what it counts, how old it thinks messages are, what it says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celeryops_agent.scale import Memory, Scaler

from integration.agent.harness import Stage

UNITS = ["celery-worker@mail-threads-2.service", "celery-worker@mail-threads-3.service"]
SPEC: dict[str, Any] = {
    "consumes": ["mail", "mail:eu"],
    "min_instances": 1,
    "max_instances": 3,
    "up_depth": 10,
    "up_age": 30,
    "down_depth": 0,
    "cool_down": 60,
    "units": UNITS,
}
PREFIX = {"broker_transport_options": {"global_keyprefix": "shop:", "priority_steps": [0, 5]}}


class Host:
    """A host whose scaler looks at moments of the test's choice."""

    def __init__(self, stage: Stage, directory: Path, settings: dict[str, Any], **spec: Any) -> None:
        self.stage, self.settings = stage, settings
        self.memory = directory / "memory.json"
        self.spec = {**SPEC, **spec}

    def look(self, now: float) -> list[str]:
        """Look once, as a process of its own would; the extra units that shall run."""
        memory = Memory(self.memory)
        scaler = Scaler({"mail": self.spec}, memory, now)
        scaler.turn(self.stage.redis.url, self.settings)
        memory.save()
        return scaler.wanted()


def send(stage: Stage, settings: dict[str, Any], count: int, queue: str = "mail", priority: int = 0) -> None:
    app = Celery(broker=stage.redis.url)
    app.conf.update(settings)
    for _message in range(count):
        app.send_task("shop.mail.send", queue=queue, priority=priority)
    app.close()


@pytest.fixture(params=[{}, PREFIX], ids=["plain", "prefixed"])
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = request.param
    return found


def test_all_queues_and_priorities_count(
    stage: Stage, settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host = Host(stage, tmp_path, settings)
    assert host.look(0) == []
    send(stage, settings, 6)
    send(stage, settings, 5, priority=5)
    send(stage, settings, 5, queue="mail:eu")
    assert host.look(5) == UNITS[:1]
    assert capsys.readouterr().out == (
        "<5>mail: 1 -> 2 instances: 16 messages wait, more than 10 for each instance\n"
    )


def test_a_queue_that_flows_slowly_is_as_old_as_its_oldest_message(
    stage: Stage, settings: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host = Host(stage, tmp_path, settings)
    key = f"{settings.get('broker_transport_options', {}).get('global_keyprefix', '')}mail"
    send(stage, settings, 4)
    # One goes and one comes between the looks: no look ever sees the same oldest message twice.
    for now in range(0, 20, 5):
        assert host.look(now) == []
        stage.redis.ask("RPOP", key)
        send(stage, settings, 1)
    # All that the look at 0 saw are gone now; the oldest was there at 5.
    assert host.look(34) == []
    assert host.look(35) == UNITS[:1]
    assert capsys.readouterr().out == (
        "<5>mail: 1 -> 2 instances: a message has waited for 30 s, and 30 s is the most\n"
    )


def test_an_empty_queue_drains_one_after_the_other(stage: Stage, tmp_path: Path) -> None:
    host = Host(stage, tmp_path, {})
    send(stage, {}, 25)
    assert host.look(0) == UNITS
    stage.redis.ask("DEL", "mail")
    assert [host.look(now) for now in (10, 60, 70, 120, 130)] == [UNITS, UNITS, UNITS[:1], UNITS[:1], []]


def test_marks_stay_few_while_a_queue_stands_still(stage: Stage, tmp_path: Path) -> None:
    host = Host(stage, tmp_path, {}, up_depth=1000, up_age=10_000)
    for now in range(60):
        send(stage, {}, 1)
        host.look(now)
    marks = Memory(host.memory).marks["mail"]
    assert len(marks) <= 17
    assert marks[0][0] == 0


def test_while_the_broker_is_away_nothing_moves_and_that_is_said_once(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    host = Host(stage, tmp_path, {})
    send(stage, {}, 25)
    assert host.look(0) == UNITS
    stage.redis.stop()
    capsys.readouterr()
    assert host.look(100) == UNITS
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("<4>the broker does not answer, so nothing starts or drains: ")
    assert host.look(200) == UNITS
    assert capsys.readouterr().out == ""


def test_where_marks_are_forbidden_the_depth_still_counts(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.redis.ask("ACL", "SETUSER", "default", "-lpos", "-lindex")
    host = Host(stage, tmp_path, {})
    send(stage, {}, 15)
    assert host.look(0) == UNITS[:1]
    said = capsys.readouterr().out.splitlines()
    assert sum("only their number counts" in line for line in said) == 1
    host.look(10)
    assert "only their number counts" not in capsys.readouterr().out


def test_a_drained_host_remembers_nothing(stage: Stage, tmp_path: Path) -> None:
    host = Host(stage, tmp_path, {})
    send(stage, {}, 25)
    host.look(0)
    memory = Memory(host.memory)
    scaler = Scaler({"mail": host.spec}, memory, 10)
    scaler.rest()
    assert scaler.wanted() == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", json.dumps({"queues": {"mail": {"held": [], "unknown": 1}}})]
)
def test_a_memory_that_is_damaged_is_forgotten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "memory.json"
    path.write_text(text)
    assert Memory(path).queues == {}
