"""A broker of an earlier version, with its files in Redis's own directory: they move, and no task is lost."""

from __future__ import annotations

import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from eventually import wait_until
from load.driver import Order, drive, leftover
from load.remote import Hosts

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
HOSTS = Hosts(PROJECT / ".cache/lab/broker_redis/ssh_config")
MIX = json.loads((PROJECT / "tests/apps/shop/load.json").read_text())
PLACE = "/etc/celery-redis"
KEPT = ("celery-admin.secret", "celery-tls/ca.key", "celery-tls/server.pem")
AS_BEFORE = f"""
set -e
mv {PLACE}/* /etc/redis
rmdir {PLACE}
sed -i s#{PLACE}#/etc/redis#g /etc/redis/celery.conf /etc/systemd/system/redis-server.service.d/50-celery.conf
systemctl daemon-reload
systemctl restart redis-server
"""


def on_broker(*command: str) -> str:
    """Run a command on the broker's host."""
    return HOSTS.run("hub", command)


def play() -> str:
    """Play the broker, and return the recap."""
    site = ["ansible-playbook", "celeryops.systemd.site", "-i", str(INVENTORY), "--limit", "celery_broker"]
    done = subprocess.run(site, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout[done.stdout.index("PLAY RECAP") :]


def test_it_moves_under_load() -> None:
    files = [f"{PLACE}/{name}" for name in KEPT]
    before = on_broker("sha256sum", *files, "/etc/ssl/celery-broker-ca.pem")
    on_broker("sh", "-c", AS_BEFORE)
    order = Order("one", ("one",), MIX, count=100, rate=4, patience=90)
    with ThreadPoolExecutor(1) as pool:
        loaded = pool.submit(drive, HOSTS, order, print)
        wait_until("tasks flow", lambda: loaded.done() or HOSTS.ledger("one", order.run))
        play()
        total = loaded.result()[-1]
    assert (total.lost, total.failed) == ((), ())
    assert total.done == total.sent == order.count
    assert leftover(HOSTS, order)["waiting"] == 0
    assert on_broker("sha256sum", *files, "/etc/ssl/celery-broker-ca.pem") == before
    assert on_broker("find", "/etc/redis", "-name", "celery*") == ""
    assert set(re.findall("changed=([0-9]+)", play())) == {"0"}


@pytest.mark.parametrize("name", KEPT[:2])
def test_redis_reads_no_secret_of_roots_and_places_none(name: str) -> None:
    as_redis = ["runuser", "-u", "redis", "--"]
    assert HOSTS.run("hub", [*as_redis, "cat", f"{PLACE}/{name}"], accept=(1,)) == ""
    file = f"{PLACE}/{name}"
    for act in (["touch", f"{PLACE}/new"], ["mv", file, "/tmp/taken"], ["rm", file]):
        HOSTS.run("hub", [*as_redis, *act], accept=(1,))
    assert on_broker("stat", "-c", "%U:%G %a", PLACE, f"{PLACE}/{name}").split("\n")[:2] == [
        "root:redis 750",
        "root:root 600",
    ]
