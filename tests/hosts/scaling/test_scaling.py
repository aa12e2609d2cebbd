"""Extra instances come with a burst and go with it, and nothing is lost: molecule/scaling."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import testinfra
from eventually import wait_until
from load.accounting import Account
from load.driver import Order, drive, ledgers, leftover
from load.remote import Hosts
from testinfra.host import Host

INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
HOSTS = Hosts(PROJECT / ".cache/lab" / os.environ["MOLECULE_SCENARIO_NAME"] / "ssh_config")
MACHINE = "machine"
EXTRAS = [f"celery-worker@mail-threads-{number}.service" for number in (2, 3)]
AUTOSCALED = "celery-worker@images-prefork.service"
UP_DEPTH = 50
COUNT = 300
RATE = 20.0  # tasks a second; more than all instances do, so that it never gets calm

MAIL = {"queue": "mail", "task": "shop.mail.send", "args": ["buyer@example.org", 1.0]}
MIX: dict[str, Any] = {
    "tasks": [MAIL] * 4 + [{**MAIL, "queue": "images"}],
    "chord": {"header": [], "body": MAIL},
}


@pytest.fixture(scope="module")
def machine() -> Host:
    host: Host
    (host,) = testinfra.get_hosts([f"ansible://{MACHINE}?ansible_inventory={INVENTORY}&force_ansible=false"])
    return host


def states(host: Host) -> list[str]:
    return str(host.check_output(f"systemctl show --property=ActiveState --value {' '.join(EXTRAS)}")).split()


def journal(host: Host, *words: str) -> list[tuple[float, str, str]]:
    """Time, identifier and message of each line of the journal, of this boot."""
    text = host.check_output(f"journalctl --boot --output=json --no-pager {' '.join(words)}")
    lines = [json.loads(line) for line in text.splitlines()]
    return [
        (int(line["__REALTIME_TIMESTAMP"]) / 1e6, line.get("SYSLOG_IDENTIFIER", ""), str(line["MESSAGE"]))
        for line in lines
    ]


def play(playbook: str, *arguments: str) -> str:
    words = ["ansible-playbook", f"celeryops.systemd.{playbook}", f"--inventory={INVENTORY}", *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=INVENTORY)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass
class Burst:
    """A burst, and what was seen during it.

    :param accounts: of each sending.
    :param held: what the broker held at their end.
    :param second_run: what site.yml printed while extra instances ran.
    :param before, after: the workers' processes around that run.
    :param children: of the autoscaled instance, under load.
    """

    orders: list[Order] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    began: float = 0.0
    second_run: str = ""
    before: str = ""
    after: str = ""
    children: int = 0

    def grown(self, host: Host) -> bool:
        """Whether the autoscaled instance has more than its least."""
        self.children = children(host)
        return self.children > 1

    def send(self, count: int, rate: float = 0.0, enough: Callable[[], bool] | None = None) -> None:
        """Send, and wait until all has ended."""
        order = Order(sender=MACHINE, workers=(MACHINE,), mix=MIX, count=count, rate=rate)
        self.orders.append(order)
        self.accounts.append(drive(HOSTS, order, print, enough)[-1])


@pytest.fixture(scope="module")
def each_look_is_logged(machine: Host) -> Iterator[None]:
    """Let systemd leave a line for each look, which the unit spares the journal."""
    directory = "/run/systemd/system/celery-scale.service.d"
    machine.check_output(f"mkdir -p {directory}")
    machine.check_output(f"printf '[Service]\\nLogLevelMax=info\\n' > {directory}/90-looks.conf")
    machine.check_output("systemctl daemon-reload")
    yield
    machine.check_output(f"rm -r {directory}")
    machine.check_output("systemctl daemon-reload")


@pytest.fixture(scope="module")
def burst(machine: Host, each_look_is_logged: None) -> Burst:
    """Send a burst, and on; play the site again while extra instances run; wait until they are gone."""
    assert states(machine) == ["inactive", "inactive"], "extra instances run before there is a burst"
    found = Burst(began=float(machine.check_output("date +%s.%N")))
    enough = threading.Event()
    with ThreadPoolExecutor(2) as senders:
        sending = [senders.submit(found.send, COUNT), senders.submit(found.send, 1, RATE, enough.is_set)]
        try:
            wait_until("both extra instances run", lambda: states(machine) == ["active", "active"])
            wait_until("the pool grows", lambda: found.grown(machine))
            found.before = processes(machine)
            found.second_run = play("site")
            found.after = processes(machine)
        finally:
            enough.set()
        for each in sending:
            each.result()
    found.held = leftover(HOSTS, found.orders[0])
    wait_until("the extra instances are gone", lambda: states(machine) == ["inactive", "inactive"])
    return found


def processes(host: Host) -> str:
    return str(host.check_output("systemctl show --property=Id,MainPID 'celery-worker@*'"))


def children(host: Host) -> int:
    pid = host.check_output(f"systemctl show --property=MainPID --value {AUTOSCALED}")
    return len(host.check_output(f"pgrep --parent {pid}").split())


def test_nothing_is_lost(burst: Burst, machine: Host) -> None:
    for account in burst.accounts:
        print(account)
        assert account.clean, account
    assert sum(account.sent for account in burst.accounts) > COUNT
    assert burst.held == {"waiting": 0, "unacked": 0}
    # Without work of theirs the account would prove nothing.
    runs = "|".join(order.run for order in burst.orders)
    for number in (2, 3):
        ledger = f"/var/lib/celery/ledger/mail-threads-{number}.jsonl"
        assert int(machine.check_output(f'grep -cE \'"end", "id": "({runs})-\' {ledger}')) > 0


def test_extra_instances_start_within_two_periods(burst: Burst, machine: Host) -> None:
    first = min(event.time for order in burst.orders for event in ledgers(HOSTS, order))
    units = [f"UNIT={unit}" for unit in ("celery-scale.service", *EXTRAS)]
    lines = [line for line in journal(machine, "_PID=1", *units) if line[0] > first]
    looks = [when for when, _who, message in lines if message.startswith("Starting celery-scale.service")]
    counted = []
    for unit in EXTRAS:
        told, consumed = (
            next(when for when, _who, message in lines if message.startswith(f"{verb} {unit}"))
            for verb in ("Starting", "Started")
        )
        counted.append(sum(1 for when in looks if when < told))
        print(
            f"{unit}: after the first task {counted[-1]} looks and {told - first:.1f} s until it started, ",
            end="",
        )
        print(f"{consumed - first:.1f} s until it consumed")
    # A look that falls into the sending may see enough for one; the other then comes after the cool-down.
    assert min(counted) <= 2


def test_the_journal_tells_why(burst: Burst, machine: Host) -> None:
    said = [
        message for when, who, message in journal(machine, "--identifier=celery-scale") if when > burst.began
    ]
    print("\n".join(said))
    *up, first, second = [message for message in said if "->" in message]
    depth = rf"\d+ messages wait, more than {UP_DEPTH} for each instance"
    why = rf"mail: \d -> \d instances: ({depth}|a message has waited for \d+ s, .*)"
    assert up
    assert all(re.fullmatch(why, message) for message in up)
    assert re.fullmatch(r"mail: 3 -> 2 instances: nothing waits, and has been so for \d+ s", first)
    assert re.fullmatch(r"mail: 2 -> 1 instances: nothing waits, and has been so for \d+ s", second)
    assert any(message.startswith(f"start {EXTRAS[0]}") for message in said)
    assert said.index(f"stop {EXTRAS[1]}") < said.index(f"stop {EXTRAS[0]}")
    assert [message for message in said if "; but " in message], "what holds it back is said"
    assert len(said) < 20, "and not at every look"


def test_a_second_run_changes_nothing_while_extra_instances_run(burst: Burst) -> None:
    assert set(re.findall(r"changed=(\d+)", burst.second_run)) == {"0"}, burst.second_run
    assert burst.before == burst.after
    assert "mail-threads-3" in burst.after


def test_the_pool_grows_within_the_plan_and_shrinks(burst: Burst, machine: Host) -> None:
    environment = machine.check_output("cat /etc/conf.d/celery/worker-images-prefork.env")
    most = re.search(r"--autoscale=(\d+),1\b", environment)
    assert most, environment
    print(f"{burst.children} children under load, at most {most[1]}")
    assert 1 < burst.children <= int(most[1])
    wait_until("the pool has shrunk", lambda: children(machine) == 1)


def test_status_shows_spare_instances(burst: Burst) -> None:
    shown = play("status")
    assert len(re.findall(r"mail-threads-[23] +spare", shown)) == len(EXTRAS), shown
    assert "2 of 2 workers consume, 2 are spare" in shown


def test_without_scale_no_trace_is_left(burst: Burst, machine: Host) -> None:
    queues = {"mail": {"workload": "io", "max_concurrency": 4}, "images": {"autoscale": True}}
    play("site", f"--extra-vars={json.dumps({'celery_worker_queues': queues})}")
    places = "/etc/systemd /etc/conf.d /run -maxdepth 4 -not -path '/run/systemd/*'"
    traces = machine.check_output(f"find {places} '(' -name '*-scale*' -o -name '*threads-[23]*' ')'")
    assert traces == ""
    units = machine.check_output("systemctl list-units --plain --no-legend 'celery-scale*' '*threads-[23]*'")
    assert units == ""
