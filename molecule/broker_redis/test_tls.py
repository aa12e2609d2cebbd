"""TLS alone, checked by every client; a new certificate reaches a Redis under load, which loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from load.driver import Order, drive, leftover
from load.remote import Hosts
from testinfra.host import Host

testinfra_hosts = ["ansible://celery_queue_default"]
PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SSH = PROJECT / ".cache/lab/broker_redis/ssh_config"
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
PYTHON = "/opt/celery/current/venv/bin/python"
CA = "/etc/ssl/celery-broker-ca.pem"
RENEWALS = 2


def refusal(host: Host, place: str, words: str = "") -> str:
    """What a client of redis-py says; a broker that speaks with it asks for a login."""
    script = "import redis, sys; redis.from_url(sys.argv[1], retry=None, socket_timeout=5).ping()"
    done = host.run(f"{PYTHON} -c %s %s", script, f"{place}/0{words}")
    assert done.rc == 1
    return str(done.stderr.splitlines()[-1])


def test_a_client_that_trusts_the_ca_is_asked_for_its_login(host: Host) -> None:
    assert "redis.exceptions.AuthenticationError" in refusal(host, "rediss://hub:6379", f"?ssl_ca_certs={CA}")


@pytest.mark.parametrize("words", ["", "?ssl_ca_certs=/etc/ssl/certs/ca-certificates.crt"])
def test_a_client_without_the_ca_is_refused(host: Host, words: str) -> None:
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(host, "rediss://hub:6379", words)


def test_a_broker_of_another_name_is_refused(host: Host) -> None:
    """The address stands for another name: the certificate has those that the fleet uses."""
    address = host.check_output("getent hosts hub").split()[0]
    assert "IP address mismatch" in refusal(host, f"rediss://{address}:6379", f"?ssl_ca_certs={CA}")


def test_nobody_is_served_without_tls(host: Host) -> None:
    assert "redis.exceptions.ConnectionError" in refusal(host, "redis://hub:6379")


def test_renewal_under_load_loses_nothing() -> None:
    """The certificate is taken away and made anew several times while tasks flow; Redis is not restarted."""
    hosts = Hosts(SSH)
    pid = ["systemctl", "show", "--property=MainPID", "redis-server"]
    before = hosts.run("hub", pid), hosts.run("hub", ["cat", CA])
    mix = json.loads((PROJECT / "tests/apps/shop/load.json").read_text())
    order = Order("one", ("one",), mix, count=150, chords=10, rate=5)
    with ThreadPoolExecutor(1) as pool:
        loaded = pool.submit(drive, hosts, order, print)
        seen = {hosts.run("hub", ["sha256sum", "/etc/celery-redis/celery-tls/server.pem"])}
        for _renewal in range(RENEWALS):
            hosts.run("hub", ["rm", "/etc/celery-redis/celery-tls/server.pem"])
            play = ["ansible-playbook", "celeryops.systemd.site", "-i", str(INVENTORY)]
            play += ["--limit", "celery_broker", "--tags", "configure"]
            subprocess.run(play, check=True, capture_output=True)
            seen.add(hosts.run("hub", ["sha256sum", "/etc/celery-redis/celery-tls/server.pem"]))
        total = loaded.result()[-1]
    assert len(seen) == RENEWALS + 1
    assert total.clean, total
    assert not any(leftover(hosts, order).values())
    assert (hosts.run("hub", pid), hosts.run("hub", ["cat", CA])) == before
