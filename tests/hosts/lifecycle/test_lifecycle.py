"""What breaks by itself recovers by itself, what must not be broken off is not: real units, every pool.

The tests are one story, in this order. Nothing here is asserted in seconds; the figures are printed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import eventually
from load.remote import Hosts, in_release

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
HOSTS = Hosts(PROJECT / ".cache/lab" / os.environ["MOLECULE_SCENARIO_NAME"] / "ssh_config")
MACHINE = "machine"
POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")
WATCHDOG = 15
wait_until = partial(eventually.wait_until, bound=600.0)
MARKS = "/var/lib/celery"
ENDLESS = "celery-worker@endless-threads"
SEND = """
import json, sys
from celeryops_agent.fleet import app
for queue, task, arguments in json.loads(sys.argv[1]):
    app.send_task(task, arguments, queue=queue)
"""
CONTROL = """
import sys
from celeryops_agent.fleet import app
app.control.broadcast(sys.argv[1], destination=sys.argv[2:])
"""


def run(*command: str) -> str:
    return HOSTS.run(MACHINE, command)


def python(program: str, *arguments: str) -> None:
    HOSTS.run(MACHINE, in_release(arguments), stdin=program)


def send(queues: Iterable[str], name: str, seconds: float) -> None:
    python(SEND, json.dumps([(queue, "parcels.send", [f"{name}-{queue}", seconds]) for queue in queues]))


def unit(pool: str) -> str:
    return f"celery-worker@{pool}-{pool}"


def shown(name: str) -> dict[str, str]:
    names = "MainPID,NRestarts,ActiveState,Result,StatusText,ExecMainStartTimestampMonotonic"
    return dict(
        line.split("=", 1) for line in run("systemctl", "show", f"--property={names}", name).splitlines()
    )


def marks(event: str) -> list[str]:
    return HOSTS.run(MACHINE, ["cat", f"{MARKS}/{event}"], accept=(0, 1)).split()


def names(word: str, queues: Iterable[str] = POOLS) -> set[str]:
    return {f"{word}-{queue}" for queue in queues}


def consumes(pool: str) -> bool:
    now = shown(unit(pool))
    return now["ActiveState"] == "active" and now["StatusText"].startswith("consuming ")


def restarted(pool: str, before: dict[str, str]) -> bool:
    return shown(unit(pool))["NRestarts"] != before["NRestarts"]


def assert_restarts(before: dict[str, dict[str, str]], since: float) -> None:
    """Each worker is restarted by systemd and consumes; prints when the new processes began."""
    for pool in POOLS:
        wait_until(f"{pool} is restarted", partial(restarted, pool, before[pool]))
        wait_until(f"{pool} consumes", partial(consumes, pool))
        began = int(shown(unit(pool))["ExecMainStartTimestampMonotonic"]) / 1_000_000
        print(f"{pool}: a new process after {began - since:.1f} s, with a watchdog of {WATCHDOG} s")


def test_a_task_that_never_ends_is_ended_at_the_ceiling() -> None:
    """Its queue's tasks may take 5 s, so its worker's stop may take 35; no limit reaches a thread."""
    send(["endless"], "endless", 100_000)
    wait_until("it runs", lambda: "endless-endless" in marks("started"))
    began = time.monotonic()
    run("systemctl", "stop", ENDLESS)
    print(f"ended after {time.monotonic() - began:.1f} s, with a ceiling of 35 s")
    assert shown(ENDLESS)["Result"] == "timeout"
    run("systemctl", "start", ENDLESS)


def test_a_process_that_stands_still_is_restarted() -> None:
    before, since = {pool: shown(unit(pool)) for pool in POOLS}, time.monotonic()
    run("kill", "-STOP", *(before[pool]["MainPID"] for pool in POOLS))
    assert_restarts(before, since)


def test_connected_but_not_consuming_is_restarted() -> None:
    for fault in ("lose_consumer", "leak_credit"):
        before, since = {pool: shown(unit(pool)) for pool in POOLS}, time.monotonic()
        python(CONTROL, fault, *(f"{pool}-{pool}@{MACHINE}" for pool in POOLS))
        assert_restarts(before, since)


def test_an_outage_of_three_times_the_watchdog_restarts_nobody() -> None:
    before = {pool: shown(unit(pool)) for pool in POOLS}
    send(POOLS, "outage", 20)
    wait_until("all run", lambda: names("outage") <= set(marks("started")))
    run("systemctl", "stop", "redis-server")
    time.sleep(3 * WATCHDOG)
    wait_until("the tasks that ran are done", lambda: names("outage") <= set(marks("done")))
    run("systemctl", "start", "redis-server")
    began = time.monotonic()
    send(POOLS, "after", 0)
    wait_until("all consume again", lambda: names("after") <= set(marks("done")))
    print(f"all pools worked {time.monotonic() - began:.1f} s after the broker's return")
    for pool in POOLS:
        now = shown(unit(pool))
        assert (now["MainPID"], now["NRestarts"]) == (before[pool]["MainPID"], before[pool]["NRestarts"]), (
            pool
        )


def test_a_restart_of_the_broker_is_over_soon() -> None:
    run("systemctl", "restart", "redis-server")
    began = time.monotonic()
    send(POOLS, "soon", 0)
    wait_until("all consume again", lambda: names("soon") <= set(marks("done")))
    print(f"all pools worked {time.monotonic() - began:.1f} s after a restart of the broker")


def test_a_stop_while_the_broker_is_away_is_clean() -> None:
    run("systemctl", "stop", "redis-server")
    wait_until("they notice", lambda: all("waiting" in shown(unit(pool))["StatusText"] for pool in POOLS))
    run("systemctl", "stop", *map(unit, POOLS))
    assert {shown(unit(pool))["Result"] for pool in POOLS} == {"success"}
    run("systemctl", "start", "redis-server")
    run("systemctl", "start", *map(unit, POOLS))


def test_a_stop_waits_for_a_task_of_60_s_though_the_unit_allows_10() -> None:
    run("mkdir", "-p", "/run/systemd/system/celery-worker@.service.d")
    dropin = "/run/systemd/system/celery-worker@.service.d/99-short.conf"
    HOSTS.run(MACHINE, ["tee", dropin], stdin="[Service]\nTimeoutStopSec=10\n")
    run("systemctl", "daemon-reload")
    stops = run("systemctl", "show", "--property=TimeoutStopUSec", "--value", *map(unit, POOLS)).split()
    assert set(stops) == {"10s"}
    send(POOLS, "long", 60)
    wait_until("all run", lambda: names("long") <= set(marks("started")))
    run("systemctl", "stop", *map(unit, POOLS))
    assert names("long") <= set(marks("done"))
    assert {shown(unit(pool))["Result"] for pool in POOLS} == {"success"}
    run("rm", "-r", str(Path(dropin).parent))
    run("systemctl", "daemon-reload")
    run("systemctl", "start", *map(unit, POOLS))


def test_what_was_ended_at_the_ceiling_is_delivered_again() -> None:
    wait_until("it started again", lambda: marks("started").count("endless-endless") > 1)
