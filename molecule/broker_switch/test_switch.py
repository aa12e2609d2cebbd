"""Redis is emptied, the fleet turns to RabbitMQ, and a second play changes nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

from eventually import wait_until
from load.driver import Order, drive, leftover
from load.remote import Hosts, in_release

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
HOSTS = Hosts(PROJECT / ".cache/lab/broker_switch/ssh_config")
MIX = json.loads((PROJECT / "tests/apps/shop/load.json").read_text())
COUNTDOWN = 15
# What a drained Redis still has: results, and the bindings of queues.
REDIS = "REDISCLI_AUTH=$(cat /etc/celery-redis/celery-admin.secret) redis-cli --user celeryops --scan"


def play(name: str) -> str:
    """Play with the inventory as the operator has it after step 4."""
    words = ["ansible-playbook", f"celeryops.systemd.{name}", "-i", str(INVENTORY)]
    words += ["-e", "broker_type=rabbitmq"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def send_delayed(task_id: str) -> None:
    """Send one task for later, which a worker of a Redis then holds."""
    script = (
        "from celeryops_agent.fleet import app\n"
        "task = app.signature('shop.mail.send', args=['buyer@example.org'])\n"
        f"task.apply_async(queue='mail', task_id='{task_id}', countdown={COUNTDOWN})\n"
    )
    HOSTS.run("one", in_release([]), stdin=script)


def ran(run: str) -> list[str]:
    """The events of a task."""
    return [json.loads(line)["event"] for line in HOSTS.ledger("one", run).splitlines()]


def test_the_switch_loses_nothing() -> None:
    """Steps 2 to 7 of the page."""
    before = Order("one", ("one",), MIX, count=80, chords=4)
    send_delayed("redis-delayed")
    total = drive(HOSTS, before, print)[-1]
    HOSTS.run("one", ["systemctl", "stop", "celery-beat"])
    wait_until("Redis is empty", lambda: not any(leftover(HOSTS, before).values()))
    wait_until("the delayed task is done", lambda: ran("redis") == ["start", "end"])
    play("site")
    keys = HOSTS.run("hub", ["sh", "-c", REDIS]).splitlines()
    assert [key for key in keys if not re.match("_kombu|celery-task-meta|celeryops:", key)] == []
    assert total.clean, total

    url = HOSTS.run("one", ["grep", "CELERY_BROKER_URL", "/etc/conf.d/celery/broker.env"])
    assert 'CELERY_BROKER_URL="amqp://celery:' in url
    send_delayed("rabbit-delayed")
    after = Order("one", ("one",), MIX, count=80)
    total = drive(HOSTS, after, print)[-1]
    assert total.clean, total
    wait_until("the delayed task is done", lambda: ran("rabbit") == ["start", "end"])
    assert not any(leftover(HOSTS, after).values())
    assert HOSTS.run("one", ["systemctl", "is-active", "celery-beat"]) == "active\n"


def test_a_second_play_changes_nothing() -> None:
    recap = play("site").partition("PLAY RECAP")[2]
    counts = dict(re.findall(r"^(\S+) .*changed=(\d+)", recap, re.MULTILINE))
    assert len(counts) > 1, recap
    assert set(counts.values()) == {"0"}, recap
