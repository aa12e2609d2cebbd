"""The primary is killed, then its host is gone: what it took is done, all follow, a play changes nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eventually import wait_until
from load.driver import Order, drive, leftover
from load.remote import Hosts

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
SCENARIO = "broker_sentinel"
HOSTS = Hosts(PROJECT / ".cache/lab" / SCENARIO / "ssh_config")
REDIS = ("redis1", "redis2", "redis3")
WORKER = "one"
UNITS = ["celery-worker@default-threads", "celery-worker@mail-threads", "celery-beat", "celery-flower"]
WORKERS = len(UNITS) - 2
CLI = "redis-cli --tls --cacert /etc/ssl/celery-broker-ca.pem"
ADMIN = f"REDISCLI_AUTH=$(cat /etc/celery-redis/celery-admin.secret) {CLI} --user celeryops"
MAIL = {"queue": "mail", "task": "shop.mail.send", "args": ["buyer@example.org"]}
MIX: dict[str, Any] = {
    "tasks": [MAIL, {"queue": "default", "task": "shop.orders.heartbeat"}],
    "chord": {"header": [MAIL, MAIL], "body": {"queue": "default", "task": "shop.orders.ship", "args": [1]}},
}


def ask(host: str, command: str, port: int = 6379) -> str:
    """What a host's Redis or Sentinel answers to its administrator; a host that is away answers nothing."""
    return HOSTS.run(host, ["sh", "-c", f"{ADMIN} -p {port} {command}"], accept=(0, 1, 255)).strip()


def roles() -> list[str]:
    """What each Redis takes itself for."""
    return [ask(host, "ROLE").partition("\n")[0] for host in REDIS]


def primary() -> str:
    """The primary by the word of a Sentinel."""
    asked = (ask(host, "SENTINEL GET-MASTER-ADDR-BY-NAME celery", 26379) for host in REDIS)
    return next(answer.splitlines()[0] for answer in asked if answer)


def in_step() -> bool:
    """Whether there is one primary, and two replicas follow it."""
    one = sorted(roles()) == ["master", "slave", "slave"]
    return one and "connected_slaves:2" in ask(primary(), "INFO replication")


def fault(action: str, host: str) -> None:
    lab = [str(PROJECT / "tests/lab/lab"), "fault", "--name", SCENARIO, action, host]
    subprocess.run(lab, check=True, capture_output=True)


def kill(host: str) -> None:
    """systemd starts it again, before the Sentinels have missed it."""
    HOSTS.run(host, ["systemctl", "kill", "--signal=KILL", "redis-server"])


def stop(host: str) -> None:
    """Take the host away, and wait until another one is the primary."""
    fault("stop", host)
    wait_until("another host is the primary", lambda: primary() != host)


def play() -> str:
    words = ["ansible-playbook", "celeryops.systemd.site", f"--inventory={INVENTORY}"]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=INVENTORY).stdout


@pytest.mark.parametrize("mishap", [kill, stop], ids=lambda mishap: mishap.__name__)
def test_what_was_acknowledged_is_done(mishap: Callable[[str], None]) -> None:
    """Tasks that run twice are counted apart: a late acknowledgement may be lost, a task may not."""
    wait_until("one is the primary and two follow it", in_step)
    was = primary()
    processes = HOSTS.run(WORKER, ["systemctl", "show", "--property=Id,MainPID", *UNITS])
    order = Order(WORKER, (WORKER,), MIX, count=80, chords=4, rate=4, patience=180)
    with ThreadPoolExecutor(1) as pool:
        loaded = pool.submit(drive, HOSTS, order, print)
        wait_until("tasks flow", lambda: loaded.done() or HOSTS.ledger(WORKER, order.run))
        began = time.monotonic()
        mishap(was)
        print(
            f"{mishap.__name__} of {was}: {primary()} is the primary after {time.monotonic() - began:.1f} s"
        )
        total = loaded.result()[-1]
    print(
        f"sent {total.sent}, done {total.done}, lost {len(total.lost)}, twice {len(total.twice)}, "
        f"waited {total.longest_wait:.0f} s"
    )
    assert (total.lost, total.failed) == ((), ())
    assert total.done == total.sent
    # An acknowledgement that was lost: that task comes again after the visibility timeout.
    held = leftover(HOSTS, replace(order, patience=0))
    print(f"{held['unacked']} acknowledgements lost")
    assert held["waiting"] == 0
    # They followed, and did not only start anew.
    assert HOSTS.run(WORKER, ["systemctl", "show", "--property=Id,MainPID", *UNITS]) == processes


def test_beat_and_flower_follow() -> None:
    def ticked() -> str:
        return ask(primary(), "HGET shop:redbeat:tick meta")

    before = ticked()
    wait_until("RedBeat writes to the new primary", lambda: before and ticked() != before)
    assert (
        HOSTS.run(WORKER, ["systemctl", "show", "--property=StatusText", "--value", "celery-beat"])
        == "leader\n"
    )
    login = re.search(
        r'^FLOWER_BASIC_AUTH="?([^",\n]+)', HOSTS.run(WORKER, ["cat", "/etc/conf.d/celery/flower.env"]), re.M
    )
    assert login
    script = (
        "import base64, sys, urllib.request as u; url = 'http://127.0.0.1:5555/api/workers?refresh=1'; "
        "h = {'Authorization': 'Basic ' + base64.b64encode(sys.stdin.read().encode()).decode()}; "
        "print(u.urlopen(u.Request(url, headers=h)).read().decode())"
    )

    def seen() -> dict[str, Any]:
        workers: dict[str, Any] = json.loads(HOSTS.run(WORKER, ["python3", "-c", script], stdin=login[1]))
        return {name: worker for name, worker in workers.items() if worker.get("active_queues")}

    wait_until("Flower sees both workers", lambda: len(seen()) == WORKERS)


def test_the_old_primary_comes_back_as_a_replica_and_a_play_changes_nothing() -> None:
    (gone,) = [host for host in REDIS if not ask(host, "PING")]
    now = primary()
    fault("start", gone)
    wait_until("it follows the new primary", in_step)
    assert ask(gone, "ROLE").splitlines()[:2] == ["slave", now]
    recap = play()
    assert set(re.findall(r"changed=(\d+)", recap)) == {"0"}, recap
    assert set(re.findall(r"failed=(\d+)", recap)) == {"0"}, recap
    assert primary() == now, "the play moves nothing back"
    wait_until("all are in step", in_step)


@pytest.mark.parametrize("host", REDIS)
def test_nobody_was_refused(host: str) -> None:
    assert ask(host, "ACL LOG") == ""
    assert ask(host, "ACL LOG", 26379) == ""


@pytest.mark.parametrize("host", REDIS)
def test_no_password_in_an_argument(host: str) -> None:
    secret = re.search("^masterauth (.*)$", HOSTS.run(host, ["cat", "/etc/celery-redis/celery.conf"]), re.M)
    assert secret
    assert secret[1] not in HOSTS.run(host, ["ps", "-eo", "args"])
    files = [f"{place}/celery-sentinel.conf" for place in ("/var/lib/redis", "/etc/celery-redis")]
    modes = HOSTS.run(host, ["stat", "-c", "%a", *files])
    assert all(mode.endswith("0") for mode in modes.split())
