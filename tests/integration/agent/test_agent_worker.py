# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A worker's life under the agent: start, work, stop."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import sys
import termios
import time
from functools import partial
from pathlib import Path

import celery
import pytest
from eventually import wait_until

from integration.agent.harness import POOLS, Stage


def test_ready_then_drained(stage: Stage) -> None:
    workers = {pool: stage.worker(pool, watchdog=8) for pool in POOLS}
    for pool, worker in workers.items():
        wait_until(f"{pool} is ready", worker.is_ready)
        assert worker.shows(f"consuming {pool}, 0 active")
        stage.send(pool, "parcels.send", pool, 5)
    for pool, worker in workers.items():
        wait_until(f"{pool} counts its task", partial(worker.shows, f"consuming {pool}, 1 active"))
    for worker in workers.values():
        worker.signal(signal.SIGTERM)
    for pool, worker in workers.items():
        wait_until(f"{pool} tells what is left", partial(worker.was_seen, "draining, 1 task left"))
        assert worker.ended() == 0, pool
        assert worker.asks_for_time(1), pool
        assert [worker.systemd.count(key) for key in ("READY", "STOPPING")] == [1, 1], pool
        assert worker.systemd.count("WATCHDOG") > 0, pool
    assert sorted(stage.marks("done")) == sorted(POOLS)


def test_prefetched_and_later_messages_go_back(stage: Stage) -> None:
    stage.settings["worker_prefetch_multiplier"] = 4
    worker = stage.worker("solo")
    wait_until("it is ready", worker.is_ready)
    stage.send("solo", "parcels.send", "first", 4)
    wait_until("the first runs", lambda: stage.marks("started") == ["first"])
    for name in ("second", "third"):
        stage.send("solo", "parcels.send", name)
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0
    assert stage.marks("done") == ["first"]
    assert stage.redis.ask("LLEN", "solo") == "2"
    assert stage.redis.ask("HLEN", "unacked") == "0"


def unread(pid: str) -> bool:
    """Whether a process was written something that it has not read yet."""
    for end in Path(f"/proc/{pid}/fd").iterdir():
        if not str(end.readlink()).startswith("pipe:") or end.lstat().st_mode & stat.S_IWUSR:
            continue
        pipe = os.open(end, os.O_RDONLY | os.O_NONBLOCK)
        waiting = fcntl.ioctl(pipe, termios.FIONREAD, bytes(4))
        os.close(pipe)
        if int.from_bytes(waiting, sys.byteorder):
            return True
    return False


@pytest.mark.parametrize("agent", [True, False], ids=["with the agent", "without"])
@pytest.mark.parametrize("late", [True, False], ids=["acked late", "acked early"])
def test_a_task_that_a_child_was_just_handed_runs_once(stage: Stage, late: bool, agent: bool) -> None:
    """Celery alone puts it back all the same; the second half shows that this test would see it."""
    stage.settings["task_acks_late"] = late
    worker = stage.worker("prefork", target="celeryops_agent.fleet" if agent else "unwatched")
    wait_until("it runs", lambda: worker.says("ready."))
    threads = Path(f"/proc/{worker.process.pid}/task")
    children = (threads / str(worker.process.pid) / "children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGSTOP)
    stage.send("prefork", "parcels.send", "once")
    # Before that, it still may go back to the queue.
    wait_until("a child was handed it", lambda: any(map(unread, children)))
    before = len(list(threads.iterdir()))
    worker.signal(signal.SIGTERM)
    if celery.VERSION < (5, 6):  # which has no thread for its timers then
        wait_until("it drains, and asks for no more work", lambda: stage.redis.has_waiting(0))
    else:
        wait_until("it drains, with a thread for its timers", lambda: len(list(threads.iterdir())) > before)
    for child in children:
        os.kill(int(child), signal.SIGCONT)
    assert worker.ended() == 0
    assert stage.marks("done") == ["once"]
    # Celery 5.5 alone forgets it with all others, and puts none back.
    assert stage.redis.ask("LLEN", "prefork") == ("0" if agent or celery.VERSION < (5, 6) else "1")
    assert stage.redis.ask("HLEN", "unacked") == "0"


def test_remote_shutdown_is_a_stop_too(stage: Stage) -> None:
    worker = stage.worker("threads")
    wait_until("it is ready", worker.is_ready)
    stage.send("threads", "parcels.send", "slow", 3)
    wait_until("the task runs", lambda: stage.marks("started") == ["slow"])
    stage.control("shutdown", "threads@test")
    wait_until("the stop is told", lambda: worker.systemd.count("STOPPING") == 1)
    assert worker.ended() == 0
    assert stage.marks("done") == ["slow"]


def test_a_stop_is_not_extended_past_the_ceiling(stage: Stage) -> None:
    worker = stage.worker("prefork", CELERYOPS_STOP_CEILING="5")
    wait_until("it is ready", worker.is_ready)
    stage.send("prefork", "parcels.send", "endless", 3600)
    wait_until("the task runs", lambda: stage.marks("started") == ["endless"])
    worker.signal(signal.SIGTERM)
    wait_until("the stop is extended", lambda: worker.systemd.extensions != [])
    assert worker.systemd.extensions[0] <= 5_000_000
    asked = len(worker.systemd.extensions)
    wait_until("it still drains", lambda: worker.systemd.status == "draining, 1 task left")
    wait_until("no more time is asked for", lambda: worker.systemd.silent_for(3.0))
    assert worker.runs
    assert len(worker.systemd.extensions) <= asked + 6


def test_bounded_stop_requeues_what_is_still_running(stage: Stage) -> None:
    worker = stage.worker(
        "prefork", CELERYOPS_STOP_PROFILE="bounded", CELERYOPS_STOP_CEILING="4", REMAP_SIGTERM="SIGQUIT"
    )
    wait_until("it is ready", worker.is_ready)
    stage.send("prefork", "parcels.send", "short", 2)
    stage.send("prefork", "parcels.send", "endless", 3600)
    wait_until("both run", lambda: sorted(stage.marks("started")) == ["endless", "short"])
    worker.signal(signal.SIGTERM)
    wait_until("the stop is told", lambda: worker.systemd.count("STOPPING") == 1)
    worker.ended()
    assert stage.marks("done") == ["short"]
    assert stage.redis.ask("LLEN", "prefork") == "1"
    assert stage.redis.ask("HLEN", "unacked") == "0"


def test_the_abstract_socket(stage: Stage) -> None:
    worker = stage.worker("prefork", abstract=True)
    wait_until("it is ready", worker.is_ready)


def test_without_systemd(stage: Stage) -> None:
    worker = stage.worker("prefork", listen=False)
    stage.send("prefork", "parcels.send", "a")
    wait_until("it works", lambda: stage.marks("done") == ["a"])
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0
    assert not worker.says("celeryops agent cannot")


def test_a_socket_that_is_gone_does_not_matter(stage: Stage) -> None:
    worker = stage.worker("prefork", listen=False, NOTIFY_SOCKET="/nonexistent/notify")
    stage.send("prefork", "parcels.send", "a")
    wait_until("it works", lambda: stage.marks("done") == ["a"])
    wait_until("it tells", lambda: worker.says("celeryops agent cannot tell systemd of its state"))
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0
    assert worker.log.read_text().count("celeryops agent cannot") == 1


@pytest.mark.parametrize("pool", ["gevent", "eventlet", "threads"])
def test_many_that_end_at_once_find_a_connection_each(stage: Stage, pool: str) -> None:
    """Each acknowledges over one of its own; kombu's ten run out, and its worker loses the broker for it."""
    worker = stage.worker(pool, "--concurrency=60", watchdog=8)
    wait_until("it is ready", worker.is_ready)
    names = [f"{number}" for number in range(60)]
    for name in names:
        stage.send(pool, "parcels.send", name, 5)
    wait_until("all run", partial(stage.has_marks, "started", len(names)))
    stage.redis.signal(signal.SIGSTOP)
    wait_until("they have ended", partial(stage.has_marks, "done", len(names)))
    time.sleep(1)  # and would tell a Redis that takes its time, less than the timeout of a socket
    stage.redis.signal(signal.SIGCONT)
    wait_until("all are done", lambda: set(stage.marks("done")) == set(names))
    worker.signal(signal.SIGTERM)
    assert worker.ended() == 0
    assert stage.redis.ask("LLEN", pool) == stage.redis.ask("HLEN", "unacked") == "0"
    assert not worker.says("Connection to broker lost")


def test_a_setting_on_the_command_line_wins_over_the_inventorys(stage: Stage) -> None:
    """As the role gives an instance what differs from the others of its host."""
    stage.settings["worker_proc_alive_timeout"] = 60.0
    worker = stage.worker("prefork", "worker_proc_alive_timeout=32")
    wait_until("it is ready", worker.is_ready)
