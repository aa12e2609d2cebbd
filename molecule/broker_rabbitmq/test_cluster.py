"""Three nodes: each task is on all of them, a lost node loses none, a long task stays with its worker."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from eventually import wait_until
from load.driver import Order, drive, leftover
from load.remote import Hosts, RemoteError, in_release

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
HOSTS = Hosts(PROJECT / ".cache/lab/broker_rabbitmq/ssh_config")
MIX = json.loads((PROJECT / "tests/apps/shop/load.json").read_text())
NODES = ("a", "b", "c")
QUEUES = {"default", "images", "mail", "reports"}
UNIT = "rabbitmq-server"


def ctl(host: str, *words: str) -> Any:
    """What rabbitmqctl says, as JSON."""
    return json.loads(HOSTS.run(host, ["rabbitmqctl", "--silent", "--formatter", "json", *words]))


def queues(host: str, *columns: str) -> dict[str, dict[str, Any]]:
    """The queues of the vhost, by name."""
    rows = ctl(host, "list_queues", "--vhost", "celery", "name", *columns)
    return {row["name"]: row for row in rows}


def running(host: str) -> set[str]:
    """The nodes that this one sees."""
    return set(ctl(host, "cluster_status")["running_nodes"])


def fault(action: str, host: str) -> None:
    """Break a host from outside, or fix it."""
    lab = [str(PROJECT / "tests/lab/lab"), "fault", action, host, "--name", "broker_rabbitmq"]
    subprocess.run(lab, check=True, capture_output=True)


def send(task: str, arguments: list[Any], queue: str, task_id: str) -> None:
    """Send one task from the worker's host."""
    script = (
        "from celeryops_agent.fleet import app\n"
        f"app.signature({task!r}, args={arguments!r}).apply_async(queue={queue!r}, task_id={task_id!r})\n"
    )
    HOSTS.run("one", in_release([]), stdin=script)


def events(task_id: str) -> list[str]:
    """What the task has written to the ledger."""
    lines = HOSTS.ledger("one", task_id).splitlines()
    return [json.loads(line)["event"] for line in lines]


def test_every_queue_is_on_three_nodes() -> None:
    assert running("a") == {f"rabbit@{node}" for node in NODES}
    found = queues("b", "type", "members", "policy")
    for name in QUEUES:
        assert (found[name]["type"], len(found[name]["members"])) == ("quorum", 3), name
        assert found[name]["policy"] == "tasks"
    assert found["dead-letters"]["type"] == "quorum"


@pytest.fixture
def impatient() -> Iterator[None]:
    """Shorten RabbitMQ's own consumer timeout, which is half an hour, on every node; then as it was."""
    setting = "application:set_env(rabbit, {}, {})"
    words = f"{setting.format('consumer_timeout', '{}')}, {setting.format('channel_tick_interval', '{}')}."
    for node in NODES:
        HOSTS.run(node, ["rabbitmqctl", "eval", words.format(3000, 500)])
    HOSTS.run("one", ["systemctl", "restart", "celery-worker@mail-threads"])  # a channel reads it once
    yield
    for node in NODES:
        HOSTS.run(node, ["rabbitmqctl", "eval", words.format(86_400_000, 60_000)])


@pytest.mark.usefixtures("impatient")
def test_a_task_longer_than_the_consumer_timeout_runs_once_to_its_end() -> None:
    """The role's policy is above its limit. Without the policy it starts again every few seconds."""
    send("shop.mail.send", ["buyer@example.org", 10.0], "mail", "long-task")
    wait_until("it ends", lambda: "end" in events("long"))
    wait_until("it is acknowledged", lambda: not queues("a", "messages")["mail"]["messages"])
    assert events("long") == ["start", "end"]


def test_what_no_worker_takes_is_a_dead_letter() -> None:
    """It waits for a person, and does not go round for ever."""
    send("shop.nowhere", [], "mail", "unknown-task")
    wait_until("it is a dead letter", lambda: queues("a", "messages")["dead-letters"]["messages"])
    HOSTS.run("a", ["rabbitmqctl", "purge_queue", "--vhost", "celery", "dead-letters"])


# More often than broker_rabbitmq_delivery_limit.
POISON = """
from celeryops_agent.fleet import app
with app.connection_for_write() as connection:
    poison = app.amqp.queues["poison"].bind(connection.default_channel)
    poison.declare()
    with app.amqp.Producer(connection) as producer:
        producer.publish("x", exchange=poison.exchange, routing_key=poison.routing_key)
    for _ in range(60):
        if message := poison.get():
            message.requeue()
"""


def test_a_task_that_comes_back_too_often_is_a_dead_letter() -> None:
    """As one whose worker dies whenever it runs."""
    HOSTS.run("one", in_release([]), stdin=POISON)
    wait_until("it is a dead letter", lambda: queues("b", "messages")["dead-letters"]["messages"])
    assert queues("b", "messages")["poison"]["messages"] == 0
    HOSTS.run("b", ["rabbitmqctl", "purge_queue", "--vhost", "celery", "dead-letters"])
    HOSTS.run("b", ["rabbitmqctl", "delete_queue", "--vhost", "celery", "poison"])


def test_a_node_is_lost_under_load() -> None:
    """The one that the worker is connected to, as by a power cut. What two others have accepted is done."""
    order = Order("one", ("one",), MIX, count=120, rate=4, patience=90)
    with ThreadPoolExecutor(1) as pool:
        loaded = pool.submit(drive, HOSTS, order, print)
        wait_until("tasks flow", lambda: loaded.done() or HOSTS.ledger("one", order.run))
        fault("kill", "a")
        try:
            total = loaded.result()[-1]
            left = leftover(HOSTS, order)
        finally:
            fault("start", "a")
    print(f"one of three lost: sent {total.sent}, done {total.done}, twice {len(total.twice)}")
    assert (total.lost, total.failed) == ((), ())
    assert total.done == total.sent == order.count
    assert not any(left.values())


def test_it_comes_back_by_itself() -> None:
    """All three have all queues again."""

    def whole() -> bool:
        try:
            return running("a") == {f"rabbit@{node}" for node in NODES}
        except RemoteError:  # it is still booting
            return False

    wait_until("all three run", whole)
    HOSTS.run("b", ["rabbitmq-queues", "check_if_node_is_quorum_critical"])
