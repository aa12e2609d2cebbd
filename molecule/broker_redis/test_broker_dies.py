"""Redis restarts, is killed, and comes back from a copy of its data: what it took is done."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from eventually import wait_until
from load.driver import Order, drive, leftover
from load.remote import Hosts

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
HOSTS = Hosts(PROJECT / ".cache/lab/broker_redis/ssh_config")
MIX = json.loads((PROJECT / "tests/apps/shop/load.json").read_text())
UNIT = "redis-server.service"


def on_broker(*command: str) -> str:
    """Run a command on the broker's host."""
    return HOSTS.run("hub", command)


def restart() -> None:
    """As an upgrade of the package does."""
    on_broker("systemctl", "restart", UNIT)


def kill() -> None:
    """systemd starts it again."""
    before = on_broker("systemctl", "show", "--property=NRestarts", UNIT)
    on_broker("systemctl", "kill", "--signal=KILL", UNIT)
    wait_until(
        "it is restarted", lambda: on_broker("systemctl", "show", "--property=NRestarts", UNIT) != before
    )


def restore() -> None:
    """As docs/runbooks/restore-redis.md says, with the host's data lost in between."""
    data = "/var/lib/redis/celery"
    on_broker("systemctl", "stop", UNIT)
    on_broker("cp", "-a", data, "/root/copy")
    on_broker("rm", "-rf", data)
    on_broker("cp", "-a", "/root/copy", data)
    on_broker("chown", "-R", "redis:redis", data)
    on_broker("systemctl", "start", UNIT)
    on_broker("rm", "-rf", "/root/copy")


@pytest.mark.parametrize("mishap", [restart, kill, restore], ids=lambda mishap: mishap.__name__)
def test_what_the_broker_took_is_done(mishap: Callable[[], None]) -> None:
    """Tasks that run twice are counted apart: a late acknowledgement may be lost, a task may not."""
    order = Order("one", ("one",), MIX, count=60, rate=4, patience=90)
    with ThreadPoolExecutor(1) as pool:
        loaded = pool.submit(drive, HOSTS, order, print)
        wait_until("tasks flow", lambda: loaded.done() or HOSTS.ledger("one", order.run))
        mishap()
        total = loaded.result()[-1]
    print(f"{mishap.__name__}: sent {total.sent}, done {total.done}, twice {len(total.twice)}")
    assert (total.lost, total.failed) == ((), ())
    assert total.done == total.sent == order.count
    assert leftover(HOSTS, order)["waiting"] == 0
