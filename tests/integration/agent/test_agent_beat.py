# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Beat under the agent: alone, with a lock, and without its broker."""

from __future__ import annotations

import signal
from functools import partial
from time import sleep
from typing import Any

import pytest

from integration.agent.harness import Line, Service, Stage, wait_until

WATCHDOG = 4.0


@pytest.fixture
def ticking(stage: Stage) -> Stage:
    """A stage whose schedule sends a task each second."""
    stage.settings.update(
        beat_schedule={"tick": {"task": "parcels.send", "schedule": 1.0, "args": ["tick"]}},
        task_default_queue="ticks",
        redbeat_redis_url=stage.redis.url,
        redbeat_lock_timeout=6,
        beat_max_loop_interval=2,
    )
    return stage


def beat(stage: Stage, scheduler: str, **environ: Any) -> Service:
    """Start a beat with its schedule in this test's directory."""
    schedule = f"--schedule={stage.directory}/schedule"
    words = ("beat", f"--scheduler={scheduler}", schedule, "--pidfile=")
    return stage.celery(*words, watchdog=WATCHDOG, **environ)


def ticks(stage: Stage) -> int:
    """Tasks that beat has sent."""
    return int(stage.redis.ask("LLEN", "ticks"))


@pytest.mark.parametrize(
    ("scheduler", "status"),
    [("celery.beat:PersistentScheduler", "ticking"), ("redbeat.RedBeatScheduler", "leader")],
)
def test_beat_ticks_and_stops(ticking: Stage, scheduler: str, status: str) -> None:
    service = beat(ticking, scheduler)
    wait_until("it is ready", service.is_ready)
    wait_until("it says what it does", partial(service.shows, status))
    wait_until("it sends", lambda: ticks(ticking) > 6)
    assert not service.systemd.would_restart(WATCHDOG)
    service.signal(signal.SIGTERM)
    assert service.ended() == 0
    assert service.systemd.count("STOPPING") > 0


def test_a_stop_in_the_middle_of_a_sending(ticking: Stage) -> None:
    line = Line(ticking.redis.port)
    service = beat(ticking, "celery.beat:PersistentScheduler", CELERY_BROKER_URL=line.url)
    wait_until("it sends", lambda: ticks(ticking) > 1)
    line.fall_silent()
    sleep(2.0)  # two ticks are due: it waits for an answer to one
    service.signal(signal.SIGTERM)
    assert service.ended() == 0


def test_a_standby_is_ready_and_takes_over(ticking: Stage) -> None:
    leader = beat(ticking, "redbeat.RedBeatScheduler")
    wait_until("it leads", partial(leader.shows, "leader"))
    standby = beat(ticking, "redbeat.RedBeatScheduler")
    wait_until("it is ready", standby.is_ready)
    assert standby.systemd.status == "standby"
    leader.kill()
    wait_until("the standby leads", partial(standby.shows, "leader"))
    sent = ticks(ticking)
    wait_until("it sends", lambda: ticks(ticking) > sent + 2)
    assert not standby.systemd.would_restart(WATCHDOG)


@pytest.mark.parametrize("scheduler", ["celery.beat:PersistentScheduler", "redbeat.RedBeatScheduler"])
def test_start_and_stop_without_a_broker(ticking: Stage, scheduler: str) -> None:
    ticking.redis.stop()
    service = beat(ticking, scheduler)
    impatient = beat(ticking, scheduler)
    for each in (service, impatient):
        wait_until("it says why", partial(each.shows, "waiting for the broker"))
        wait_until("it asks for time", partial(each.asks_for_time, 3))
    impatient.signal(signal.SIGTERM)
    assert impatient.ended() == 0
    ticking.redis.start()
    wait_until("it is ready", service.is_ready)
    wait_until("it sends", lambda: ticks(ticking) > 2)


def test_a_ticking_beat_outlives_an_outage(ticking: Stage) -> None:
    service = beat(ticking, "celery.beat:PersistentScheduler")
    wait_until("it sends", lambda: ticks(ticking) > 2)
    ticking.redis.stop()
    wait_until("it waits", partial(service.shows, "waiting for the broker"))
    ticking.redis.start()
    sent = ticks(ticking)
    wait_until("it sends again", lambda: ticks(ticking) > sent)
    assert service.runs
    assert not service.systemd.would_restart(WATCHDOG)
