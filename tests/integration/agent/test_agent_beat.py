# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Beat under the agent: alone, with a lock, and without its broker."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from functools import partial
from time import sleep
from typing import Any

import pytest
import redis
from celery.beat import Scheduler
from eventually import wait_until

from integration.agent.harness import BIN, Line, Service, Stage, free_port

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


FILE = "celery.beat:PersistentScheduler"
REDBEAT = "redbeat.RedBeatScheduler"


def beat(stage: Stage, scheduler: str, host: str = "a", **environ: Any) -> Service:
    """Start a beat with its schedule where a host of that name would have it."""
    schedule = f"--schedule={stage.directory}/schedule-{host}"
    words = ("beat", f"--scheduler={scheduler}", schedule, "--pidfile=")
    return stage.celery(*words, watchdog=WATCHDOG, **environ)


def ticks(stage: Stage) -> int:
    """Tasks that beat has sent."""
    return int(stage.redis.ask("LLEN", "ticks"))


def sends(stage: Stage) -> list[str]:
    """Which process sent each of them, in the order of the queue."""
    with redis.Redis(port=stage.redis.port) as client:
        messages = client.lrange("ticks", 0, -1)
    return [json.loads(each)["headers"]["origin"] for each in reversed(messages)]


@pytest.mark.parametrize("scheduler", [FILE, REDBEAT])
def test_beat_ticks_and_stops(ticking: Stage, scheduler: str) -> None:
    service = beat(ticking, scheduler)
    wait_until("it is ready", service.is_ready)
    wait_until("it says what it does", partial(service.shows, "leader"))
    wait_until("it sends", lambda: ticks(ticking) > 6)
    assert not service.systemd.would_restart(WATCHDOG)
    service.signal(signal.SIGTERM)
    assert service.ended() == 0
    assert service.systemd.count("STOPPING") > 0


def test_a_stop_in_the_middle_of_a_sending(ticking: Stage) -> None:
    line = Line(ticking.redis.port)
    service = beat(ticking, FILE, CELERY_BROKER_URL=line.url)
    wait_until("it sends", lambda: ticks(ticking) > 1)
    line.fall_silent()
    sleep(2.0)  # two ticks are due: it waits for an answer to one
    service.signal(signal.SIGTERM)
    assert service.ended() == 0


@pytest.mark.parametrize("scheduler", [FILE, REDBEAT])
def test_a_stop_in_a_finalizer(ticking: Stage, scheduler: str) -> None:
    """Celery stops by an exception out of the signal's handler, and Python ignores those of finalizers."""
    service = beat(ticking, scheduler, CELERYOPS_APP="finalizers")
    wait_until("it is in one", partial(ticking.has_marks, "finalizing", 1))
    service.signal(signal.SIGTERM)
    assert service.ended() == 0
    assert service.says("Exception ignored in")


def test_a_schedule_that_raises(stage: Stage) -> None:
    """Nobody has told beat to stop: from 5.7 on the other entries are sent, before it ends with the error."""
    services = [beat(stage, FILE, host, CELERYOPS_APP="sunless") for host in "ab"]
    if hasattr(Scheduler, "_is_due_failed"):
        wait_until("the other entry is sent", lambda: ticks(stage) > 2)
        for service in services:
            service.signal(signal.SIGTERM)
            assert service.ended() == 0
        assert any(service.says("TypeError: no event after") for service in services)
        return
    for service in services:
        assert service.ended() == 1
        assert service.says("TypeError: no event after")
        assert not service.says("beat was told to stop")


@pytest.mark.parametrize("scheduler", [FILE, REDBEAT])
def test_a_standby_is_ready_and_takes_over(ticking: Stage, scheduler: str) -> None:
    leader = beat(ticking, scheduler)
    wait_until("it leads", partial(leader.shows, "leader"))
    standby = beat(ticking, scheduler, "b")
    wait_until("it is ready", standby.is_ready)
    assert standby.systemd.status == f"standby, {socket.gethostname()} leads"
    leader.kill()
    wait_until("the standby leads", partial(standby.shows, "leader"))
    sent = ticks(ticking)
    wait_until("it sends", lambda: ticks(ticking) > sent + 2)
    assert not standby.systemd.would_restart(WATCHDOG)


def test_a_leader_that_stops_lets_go_of_its_lead(ticking: Stage) -> None:
    ticking.settings["redbeat_lock_timeout"] = 3600
    leader = beat(ticking, REDBEAT)
    wait_until("it leads", partial(leader.shows, "leader"))
    standby = beat(ticking, REDBEAT, "b")
    wait_until("it stands by", standby.is_ready)
    leader.signal(signal.SIGTERM)
    assert leader.ended() == 0
    wait_until("the standby leads", partial(standby.shows, "leader"))


@pytest.mark.parametrize("scheduler", [FILE, REDBEAT])
def test_a_leader_that_was_frozen_sends_nothing_more(ticking: Stage, scheduler: str) -> None:
    frozen = beat(ticking, scheduler)
    wait_until("it leads and sends", lambda: ticks(ticking) > 2)
    standby = beat(ticking, scheduler, "b")
    wait_until("it stands by", standby.is_ready)
    frozen.signal(signal.SIGSTOP)
    wait_until("the standby leads", partial(standby.shows, "leader"))
    sent = ticks(ticking)
    frozen.signal(signal.SIGCONT)
    assert frozen.ended() == 0  # systemd starts it again, as a standby
    assert frozen.says("beat lost its lead")
    wait_until("the new leader sends", lambda: ticks(ticking) > sent + 2)
    origins = sends(ticking)
    assert origins.index(origins[-1]) == len([each for each in origins if each == origins[0]])


def test_a_redbeat_without_the_agent_is_heeded(ticking: Stage) -> None:
    """Its lock is ours: while one that knows nothing of us leads, nothing is sent twice."""
    stranger = beat(ticking, REDBEAT, target="unwatched", listen=False)
    wait_until("the stranger sends", lambda: ticks(ticking) > 0)
    standby = beat(ticking, REDBEAT, "b")
    wait_until("it stands by", partial(standby.shows, "standby, another beat leads"))
    stranger.kill()
    wait_until("the standby leads", partial(standby.shows, "leader"))


@pytest.fixture
def sentinel(ticking: Stage) -> Iterator[int]:
    """The port of a Sentinel that knows the stage's Redis as ``main``."""
    port = free_port()
    config = ticking.directory / "sentinel.conf"
    config.write_text(f"port {port}\nsentinel monitor main 127.0.0.1 {ticking.redis.port} 1\n")
    server = shutil.which("redis-server", path=f"{BIN}:{os.environ['PATH']}")
    assert server
    process = subprocess.Popen([server, str(config), "--sentinel"], stdout=subprocess.DEVNULL)
    yield port
    process.terminate()
    process.wait()


@pytest.mark.parametrize("scheduler", [FILE, REDBEAT])
def test_beats_behind_a_sentinel(ticking: Stage, sentinel: int, scheduler: str) -> None:
    del ticking.settings["redbeat_redis_url"]
    ticking.settings["broker_transport_options"] = {"master_name": "main"}
    url = f"sentinel://127.0.0.1:{sentinel}/0"
    leader = beat(ticking, scheduler, CELERY_BROKER_URL=url)
    wait_until("it sends", lambda: ticks(ticking) > 1)
    standby = beat(ticking, scheduler, "b", CELERY_BROKER_URL=url)
    wait_until("it stands by", standby.is_ready)
    leader.signal(signal.SIGTERM)
    wait_until("the standby leads", partial(standby.shows, "leader"))
    sent = ticks(ticking)
    wait_until("it sends", lambda: ticks(ticking) > sent)


def test_a_second_beat_with_the_same_schedule_is_refused(ticking: Stage) -> None:
    first = beat(ticking, FILE)
    wait_until("it leads", partial(first.shows, "leader"))
    second = beat(ticking, FILE)
    assert second.ended() == 1
    assert second.says("another beat runs here")
    sent = ticks(ticking)
    wait_until("the first goes on", lambda: ticks(ticking) > sent + 2)


@pytest.mark.parametrize("scheduler", [FILE, REDBEAT])
def test_start_and_stop_without_a_broker(ticking: Stage, scheduler: str) -> None:
    ticking.redis.stop()
    service = beat(ticking, scheduler)
    impatient = beat(ticking, scheduler, "b")
    for each in (service, impatient):
        wait_until("it says why", partial(each.shows, "waiting for the broker"))
        wait_until("it asks for time", partial(each.asks_for_time, 3))
    impatient.signal(signal.SIGTERM)
    assert impatient.ended() == 0
    ticking.redis.start()
    wait_until("it is ready", service.is_ready)
    wait_until("it sends", lambda: ticks(ticking) > 2)


@pytest.mark.parametrize("scheduler", [FILE, REDBEAT])
def test_beats_outlive_an_outage(ticking: Stage, scheduler: str) -> None:
    ticking.settings["redbeat_lock_timeout"] = 60  # longer than the outage: the leader stays the leader
    leader = beat(ticking, scheduler)
    wait_until("it sends", lambda: ticks(ticking) > 2)
    standby = beat(ticking, scheduler, "b")
    wait_until("it stands by", standby.is_ready)
    ticking.redis.stop()
    for each in (leader, standby):
        wait_until("it waits", partial(each.shows, "waiting for the broker"))
    ticking.redis.start()
    sent = ticks(ticking)
    wait_until("one sends again", lambda: ticks(ticking) > sent)
    assert leader.runs
    assert standby.runs
    assert not leader.systemd.would_restart(WATCHDOG)
    assert not standby.systemd.would_restart(WATCHDOG)
