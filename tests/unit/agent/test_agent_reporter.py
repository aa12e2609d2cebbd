# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""One look at a time: what is said once, what is repeated, and what an error does."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
from celeryops_agent.notify import Notifier
from celeryops_agent.reporter import STUCK_LOOKS, Life, Reporter
from celeryops_agent.watchdog import Phase, View


class Ears(Notifier):
    """A notifier whose messages are kept."""

    def __init__(self, watchdog: float = 0.0) -> None:
        super().__init__({})
        self.watchdog = watchdog
        self.heard: list[Mapping[str, str]] = []

    def send(self, fields: Mapping[str, str]) -> None:
        if fields:
            self.heard.append(fields)


@dataclass
class Process:
    """A process in a state that the test chooses."""

    view: View = field(default_factory=lambda: View(Phase.STARTING, "working"))
    fault: Exception | None = None
    answers: bool = True
    asked: int = 0
    life: Life = field(default_factory=Life)

    def look(self) -> View:
        if self.fault is not None:
            raise self.fault
        return replace(self.view, phase=self.life.phase)

    def broker_answers(self) -> bool:
        self.asked += 1
        return self.answers


def test_each_turning_point_is_told_once() -> None:
    ears, process = Ears(), Process()
    reporter = Reporter(ears, process)
    reporter.turn()
    reporter.turn()
    process.life.is_ready()
    reporter.turn()
    reporter.turn()
    process.life.is_stopping()
    reporter.turn()
    reporter.turn()
    assert ears.heard == [
        {"STATUS": "starting"},
        {"STATUS": "working", "READY": "1"},
        {"STATUS": "stopping", "STOPPING": "1"},
    ]


def test_a_process_that_works_is_petted_and_costs_the_broker_nothing() -> None:
    ears, process = Ears(watchdog=1e-6), Process()
    reporter = Reporter(ears, process)
    process.life.is_ready()
    for _turn in range(5):
        reporter.turn()
    assert sum("WATCHDOG" in message for message in ears.heard) == 5
    assert process.asked == 0


def test_it_is_petted_no_more_often_than_it_takes() -> None:
    ears, process = Ears(watchdog=3600.0), Process()
    reporter = Reporter(ears, process)
    process.life.is_ready()
    for _turn in range(5):
        reporter.turn()
    assert sum("WATCHDOG" in message for message in ears.heard) == 1


@pytest.mark.parametrize("answers", [True, False])
def test_in_doubt_the_broker_is_asked(answers: bool) -> None:
    ears = Ears(watchdog=1e-6)
    process = Process(View(Phase.RUNNING, "working", connected=False), answers=answers)
    process.life.is_ready()
    Reporter(ears, process).turn()
    assert process.asked == 1
    assert ("WATCHDOG" in ears.heard[0]) is not answers


def test_who_was_without_a_broker_has_time_to_come_back() -> None:
    process = Process(View(Phase.RUNNING, "working", connected=False), answers=False)
    ears = Ears(watchdog=1e-6)
    reporter = Reporter(ears, process)
    process.life.is_ready()
    reporter.turn()
    process.answers = True
    reporter.turn()
    assert [message["STATUS"] for message in ears.heard] == [
        "waiting for the broker",
        "reconnecting to the broker",
    ]
    assert all("WATCHDOG" in message for message in ears.heard)


def test_a_drain_is_extended_at_each_look() -> None:
    ears, process = Ears(), Process(View(Phase.STOPPING, "working", active=1))
    process.life.is_stopping()
    reporter = Reporter(ears, process, stop_ceiling=math.inf)
    reporter.turn()
    reporter.turn()
    assert [message["EXTEND_TIMEOUT_USEC"] for message in ears.heard] == ["20000000", "20000000"]


def test_blindness_is_logged_once_and_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    ears, process = Ears(watchdog=1e-6), Process(fault=AttributeError("a Celery of the future"))
    reporter = Reporter(ears, process)
    process.life.is_ready()
    for _turn in range(3):
        reporter.turn()
    assert len(caplog.records) == 1
    assert "a Celery of the future" in caplog.text
    assert ears.heard[0]["READY"] == "1"
    assert all("WATCHDOG" in message for message in ears.heard)


def test_a_socket_that_is_gone_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": "/nonexistent/notify"})
    reporter = Reporter(notifier, Process())
    reporter.turn()
    reporter.turn()
    assert len(caplog.records) == 1


def test_who_is_stuck_leaves_a_testimony(caplog: pytest.LogCaptureFixture) -> None:
    process = Process(View(Phase.RUNNING, "working", asked_age=math.inf))
    process.life.is_ready()
    reporter = Reporter(Ears(), process)
    with caplog.at_level(logging.CRITICAL):
        for _turn in range(STUCK_LOOKS * 2):
            reporter.turn()
    assert len(caplog.records) == 1
    assert "it does not ask the broker for work" in caplog.text
    assert "test_who_is_stuck_leaves_a_testimony" in caplog.text  # the main thread's stack
