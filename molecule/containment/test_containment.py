"""An instance whose tasks leak or hoard memory is contained: it alone pays, and loses nothing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import testinfra
from load.accounting import Account
from load.driver import Order, drive, leftover
from load.remote import Hosts
from testinfra.host import Host

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
SSH_CONFIG = PROJECT / ".cache/lab" / os.environ["MOLECULE_SCENARIO_NAME"] / "ssh_config"
MACHINE = "machine"
LEAKING = "celery-worker@reports-prefork.service"
HOARDING = "celery-worker@rebuilds-prefork.service"
NEIGHBOURS = ("celery-worker@images-prefork.service", "celery-worker@mail-threads.service")


@dataclass(frozen=True)
class Unit:
    """An instance and its cgroup: its main process, how often systemd started it again, and its memory."""

    pid: str
    restarts: int
    memory_max: int
    swap_max: str
    oom_policy: str
    peak: int
    killed: int


@dataclass(frozen=True)
class Run:
    """What the load did: the accounts by queue, what the broker held at the end, units and swap around it."""

    accounts: Mapping[str, Account]
    held: Mapping[str, int]
    before: Mapping[str, Unit]
    after: Mapping[str, Unit]
    swapped: tuple[int, int]
    journal: str


def machine() -> Host:
    return testinfra.get_host(f"ansible://{MACHINE}?ansible_inventory={INVENTORY}&force_ansible=false")


def unit(host: Host, name: str) -> Unit:
    wanted = "MainPID,NRestarts,MemoryMax,MemorySwapMax,OOMPolicy,ControlGroup"
    shown = host.check_output(f"systemctl show -p {wanted} {name}")
    found = dict(line.split("=", 1) for line in shown.splitlines())
    # cgroup v2, else v1
    group, old = f"/sys/fs/cgroup{found['ControlGroup']}", f"/sys/fs/cgroup/memory{found['ControlGroup']}"
    peak = host.check_output(f"cat {group}/memory.peak || cat {old}/memory.max_usage_in_bytes")
    events = host.check_output(f"cat {group}/memory.events || cat {old}/memory.oom_control")
    kills = re.search(r"^oom_kill (\d+)$", events, re.MULTILINE)
    assert kills, events
    return Unit(
        pid=found["MainPID"],
        restarts=int(found["NRestarts"]),
        memory_max=int(found["MemoryMax"]),
        swap_max=found["MemorySwapMax"],
        oom_policy=found["OOMPolicy"],
        peak=int(peak),
        killed=int(kills[1]),
    )


def swapped_out(host: Host) -> int:
    """Pages that the machine has ever written to swap."""
    found = re.search(r"^pswpout (\d+)$", host.check_output("cat /proc/vmstat"), re.MULTILINE)
    assert found
    return int(found[1])


@pytest.fixture(scope="module")
def run() -> Run:
    host, hosts = machine(), Hosts(SSH_CONFIG)
    names = (LEAKING, HOARDING, *NEIGHBOURS)
    mix = json.loads((PROJECT / "molecule/containment/load.json").read_text())
    order = Order(sender=MACHINE, workers=(MACHINE,), mix=mix, count=160)
    before, pages = {name: unit(host, name) for name in names}, swapped_out(host)
    accounts = drive(hosts, order, print)
    return Run(
        accounts={account.queue: account for account in accounts},
        held=leftover(hosts, order),
        before=before,
        after={name: unit(host, name) for name in names},
        swapped=(pages, swapped_out(host)),
        journal=host.check_output(f"journalctl --no-pager --output=cat --unit={LEAKING}"),
    )


def test_no_neighbour_loses_a_task_or_runs_one_twice(run: Run) -> None:
    for queue in ("images", "mail"):
        assert run.accounts[queue].sent == 40
        assert run.accounts[queue].clean, run.accounts[queue]


def test_no_neighbour_is_touched(run: Run) -> None:
    for name in NEIGHBOURS:
        before, after = run.before[name], run.after[name]
        assert (after.pid, after.restarts, after.killed) == (before.pid, 0, 0), name
        assert after.peak <= after.memory_max, name


def test_children_that_leak_are_replaced_before_the_limit(run: Run) -> None:
    after = run.after[LEAKING]
    # Two run at a time, and each that replaces another has the next number.
    assert max(map(int, re.findall(r"ForkPoolWorker-(\d+)", run.journal))) > 4
    assert (after.pid, after.restarts, after.killed) == (run.before[LEAKING].pid, 0, 0)
    assert after.peak <= after.memory_max


def test_children_that_hoard_are_killed_inside_the_limit(run: Run) -> None:
    after = run.after[HOARDING]
    assert after.killed > 0
    assert after.peak <= after.memory_max


def test_a_killed_child_does_not_end_its_instance(run: Run) -> None:
    after = run.after[HOARDING]
    assert after.oom_policy == "continue"
    assert (after.pid, after.restarts) == (run.before[HOARDING].pid, 0)


def test_what_was_killed_runs_again_and_nothing_is_lost(run: Run) -> None:
    for queue in ("reports", "rebuilds"):
        account = run.accounts[queue]
        assert (account.sent, account.done) == (40, 40), account
    assert run.accounts["reports"].twice == ()
    assert not any(run.held.values())


def test_the_host_does_not_swap(run: Run) -> None:
    assert run.swapped[0] == run.swapped[1]
    assert {unit.swap_max for unit in run.after.values()} == {"0"}
