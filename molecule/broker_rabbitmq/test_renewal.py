"""New certificates reach three nodes under load, and nothing is lost or restarted."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from load.driver import Order, drive, leftover
from load.remote import Hosts

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
HOSTS = Hosts(PROJECT / ".cache/lab/broker_rabbitmq/ssh_config")
MIX = json.loads((PROJECT / "tests/apps/shop/load.json").read_text())
NODES = ("a", "b", "c")
CA = "/etc/ssl/celery-broker-ca.pem"


def presented() -> list[str]:
    """The certificate that a client meets at each node; it fails where the client would refuse it."""
    script = (
        "import socket, ssl, sys\n"
        "trust = ssl.create_default_context(cafile=sys.argv[1])\n"
        "for node in sys.argv[2:]:\n"
        "    with socket.create_connection((node, 5671), 5) as raw:\n"
        "        with trust.wrap_socket(raw, server_hostname=node) as client:\n"
        "            print(client.getpeercert()['serialNumber'])\n"
    )
    return HOSTS.run("one", ["python3", "-", CA, *NODES], stdin=script).split()


def processes() -> list[str]:
    """The main process of each node, and those of the workers."""
    ask = ["systemctl", "show", "--property=Id,MainPID"]
    workers = HOSTS.run("one", [*ask, "celery-worker@*"])
    return [*(HOSTS.run(node, [*ask, "rabbitmq-server"]) for node in NODES), workers]


def test_renewal_under_load_loses_nothing() -> None:
    before, ran, trusted = presented(), processes(), HOSTS.run("one", ["cat", CA])
    order = Order("one", ("one",), MIX, count=120, rate=4)
    with ThreadPoolExecutor(1) as pool:
        loaded = pool.submit(drive, HOSTS, order, print)
        for node in NODES:
            HOSTS.run(node, ["rm", "/etc/celery-rabbitmq/celery-tls/server.pem"])
        play = ["ansible-playbook", "celeryops.systemd.site", "-i", str(INVENTORY)]
        play += ["--limit", "celery_broker", "--tags", "configure"]
        subprocess.run(play, check=True, capture_output=True)
        for node in NODES:  # by itself it looks every two minutes
            HOSTS.run(node, ["rabbitmqctl", "eval", "ssl:clear_pem_cache()."])
        after = presented()
        total = loaded.result()[-1]
    assert not set(before) & set(after)
    assert len(set(after)) == len(NODES)
    assert total.clean, total
    assert not any(leftover(HOSTS, order).values())
    assert (processes(), HOSTS.run("one", ["cat", CA])) == (ran, trusted)
