"""Workers, beat and Flower with the least rights, over TLS alone; everyone else is refused."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest
from load.driver import Order, drive, leftover
from load.remote import Hosts
from testinfra.host import Host

testinfra_hosts = ["ansible://celery_queue_default"]
PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
HOSTS = Hosts(PROJECT / ".cache/lab/broker_rabbitmq/ssh_config")
PYTHON = "/opt/celery/current/venv/bin/python"
CA = "/etc/ssl/celery-broker-ca.pem"
FILES = {"celery": "broker.env", "celery-monitor": "flower.env"}
# What a client does as one user of the first node; its URL comes from the environment file, not an argument.
CLIENT = """
import re, sys, kombu
url = re.search('CELERY_BROKER_URL="?([^"\\n;]+)', open("/etc/conf.d/celery/" + sys.argv[1]).read())[1]
tls = {"ca_certs": "/etc/ssl/celery-broker-ca.pem", "server_hostname": None}
channel = kombu.Connection(url, ssl=tls, transport_options={"confirm_publish": True}).channel()
"""
THIEF = "celeryev.thief"
REFUSED = {
    "celery": [
        "channel.basic_get('dead-letters')",
        "channel.queue_purge('dead-letters')",
        "channel.queue_delete('dead-letters')",
        "kombu.Connection(url.replace('/celery', '/%2F'), ssl=tls).connect()",
    ],
    "celery-monitor": [
        "channel.basic_get('mail')",
        "channel.queue_purge('mail')",
        "kombu.Producer(channel).publish('x', 'mail', exchange='mail')",
        "kombu.Producer(channel).publish('x', 'mail', exchange='')",
        "channel.queue_declare('another')",
        f"channel.queue_declare('{THIEF}', exclusive=True); channel.queue_bind('{THIEF}', 'mail', '#')",
        f"channel.queue_declare('{THIEF}', exclusive=True, arguments={{'x-dead-letter-exchange': 'mail'}})",
    ],
}


def test_under_load_nothing_is_refused() -> None:
    """Single tasks through every queue, with beat beside them and Flower looking on."""
    begin = time.time()
    order = Order("one", ("one",), json.loads((PROJECT / "tests/apps/shop/load.json").read_text()), count=40)
    total = drive(HOSTS, order, print)[-1]
    assert total.clean, total
    assert not any(leftover(HOSTS, order).values())
    for node in "abc":
        since = f"--since=@{begin:.0f}"
        journal = HOSTS.run(node, ["journalctl", "--no-pager", "--unit=rabbitmq-server", since])
        assert re.findall("access to .* refused", journal) == []
    listed = HOSTS.run("a", ["rabbitmqctl", "--silent", "list_connections", "user"])
    assert set(FILES) <= set(listed.split())


@pytest.mark.parametrize(("user", "command"), [(user, one) for user, many in REFUSED.items() for one in many])
def test_what_is_foreign_is_refused(host: Host, user: str, command: str) -> None:
    done = host.run(f"{PYTHON} -c %s %s", CLIENT + command, FILES[user])
    assert done.rc == 1
    assert re.search("access to .* refused|ACCESS_REFUSED|AccessRefused", done.stderr), done.stderr


def test_there_is_no_guest() -> None:
    listed = HOSTS.run("a", ["rabbitmqctl", "--silent", "--formatter=json", "list_users"])
    names = {row["user"] for row in json.loads(listed)}
    assert names == {"celery", "celery-monitor", "celeryops"}


@pytest.mark.parametrize(
    ("scheme", "name", "words", "refusal"),
    [
        ("amqps", "b", f"{{'ca_certs': '{CA}', 'server_hostname': None}}", "AccessRefused"),
        ("amqps", "b", "{'server_hostname': None}", "CERTIFICATE_VERIFY_FAILED"),
        ("amqps", "address", f"{{'ca_certs': '{CA}', 'server_hostname': None}}", "IP address mismatch"),
        ("amqp", "b", "False", "ConnectionRefusedError|ConnectionResetError|OSError"),
    ],
    ids=["with the CA: asked for its login", "without the CA", "another name", "without TLS"],
)
def test_tls_alone(host: Host, scheme: str, name: str, words: str, refusal: str) -> None:
    """The address stands for another name: the certificate has those that the fleet uses."""
    place = host.check_output("getent hosts b").split()[0] if name == "address" else name
    port = 5671 if scheme == "amqps" else 5672
    script = f"import kombu; kombu.Connection('{scheme}://no:one@{place}:{port}//', ssl={words}).connect()"
    done = host.run(f"{PYTHON} -c %s", script)
    assert done.rc == 1
    assert re.search(refusal, done.stderr), done.stderr


@pytest.mark.parametrize("node", ["a", "b", "c"])
def test_management_is_for_the_host_itself(node: str) -> None:
    listening = HOSTS.run(node, ["ss", "--listening", "--tcp", "--numeric", "--no-header"])
    assert [line.split()[3] for line in listening.splitlines() if ":15672" in line] == ["127.0.0.1:15672"]


@pytest.mark.parametrize("node", ["a", "b", "c"])
def test_no_password_is_on_a_broker(host: Host, node: str) -> None:
    """In a file of RabbitMQ's, in the journal, or among the arguments of a process."""
    found = host.check_output("cat /etc/conf.d/celery/broker.env /etc/conf.d/celery/flower.env")
    secrets = sorted(set(re.findall(r"://[^:]+:([^@]+)@", found)))
    assert len(secrets) == len(FILES)
    for secret in secrets:
        search = ["grep", "-rlF", "-e", secret, "/etc/rabbitmq", "/etc/celery-rabbitmq", "/var/lib/rabbitmq"]
        assert HOSTS.run(node, search, accept=(1,)) == ""
        assert secret not in HOSTS.run(node, ["journalctl", "--no-pager"])
        assert secret not in HOSTS.run(node, ["ps", "axww"])
