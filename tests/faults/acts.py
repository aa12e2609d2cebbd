"""What is done to a fleet. Each returns when the fault is over, with what a hand had to do, if anything."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from eventually import wait_until
from load.consumers import PREFIX
from load.fleet import Unit

from faults.site import DATA, Site

#: Seconds that things last which end by themselves.
CUT, LOSSY, FROZEN, FULL, AGAIN = 10.0, 30.0, 30.0, 20.0, 5.0


def _again(site: Site, unit: Unit) -> None:
    """Wait until a worker consumes with another process."""

    def is_back() -> bool:
        now = site.unit(unit.host, unit.name)
        return now.works and now.pid != unit.pid

    wait_until(f"{unit.host}: {unit.name} consumes with a new process", is_back)


def _is_replaced(site: Site, unit: Unit, victim: str, count: int) -> bool:
    now = site.on(unit.host, "pgrep", "-P", str(unit.pid), accept=(0, 1)).split()
    return victim not in now and len(now) >= count


def kill_child(site: Site) -> None:
    """Kill one child of each prefork worker, ten times."""
    for _each in range(10):
        for unit in site.units():
            if not unit.name.endswith("-prefork"):
                continue
            children = site.on(unit.host, "pgrep", "-P", str(unit.pid)).split()
            victim = site.chance.choice(children)
            site.on(unit.host, "kill", "-KILL", victim, accept=(0, 1))
            wait_until("another takes its place", partial(_is_replaced, site, unit, victim, len(children)))


def kill_main(site: Site) -> None:
    """Kill the main process of each worker, three times; the next one when the last is back."""
    before: Unit | None = None
    for host, instance in sorted(site.instances) * 3:
        if before:
            _again(site, before)
        before = site.unit(host, f"{PREFIX}{instance}")
        site.on(host, "kill", "-KILL", str(before.pid))


def freeze_main(site: Site) -> None:
    """Stop the main processes of a host, and leave the rest to the watchdog."""
    site.on(site.workers[0], "kill", "-STOP", *(str(unit.pid) for unit in site.units(site.workers[0])))


def broker_restart(site: Site) -> None:
    """Restart the broker, again when all has worked for a while."""
    for number in range(5):
        _flow(site, number)
        site.on(site.broker_host, "systemctl", "restart", site.broker_unit)


def broker_kill(site: Site) -> None:
    """Kill the broker; systemd brings it back."""
    for number in range(5):
        _flow(site, number)
        before = site.broker_pid()
        site.on(site.broker_host, "systemctl", "kill", "--signal=KILL", site.broker_unit)
        wait_until("the broker has a new process", partial(_is_another, site, before))
        site.wait_broker()


def _is_another(site: Site, before: int) -> bool:
    return site.broker_pid() not in (0, before)


def _flow(site: Site, number: int) -> None:
    """Let tasks flow between two faults of a kind."""
    if number:
        time.sleep(AGAIN)
        site.wait_well()


def broker_freeze(site: Site) -> None:
    """Stop the broker's processes for a while: connections stand, and nothing answers."""
    site.on(site.broker_host, "systemctl", "kill", "--signal=STOP", site.broker_unit)
    try:
        time.sleep(FROZEN)
    finally:
        site.on(site.broker_host, "systemctl", "kill", "--signal=CONT", site.broker_unit)


def stop_while_away(site: Site) -> None:
    """Stop the workers of a host while the broker is away; start both again."""
    host = site.workers[0]
    site.on(site.broker_host, "systemctl", "stop", site.broker_unit)
    wait_until("they notice", lambda: all("waiting" in unit.status for unit in site.units(host)))
    names = [unit.name for unit in site.units(host)]
    site.on(host, "systemctl", "stop", *names)
    site.on(site.broker_host, "systemctl", "start", site.broker_unit)
    site.on(host, "systemctl", "start", *names)


@contextmanager
def _firewall(site: Site, host: str, rules: Sequence[str]) -> Iterator[None]:
    """Rules of iptables on a host for a while; all packets are to or from the broker."""
    for rule in rules:
        site.on(host, "iptables", "--insert", *rule.split())
    try:
        yield
    finally:
        for rule in rules:
            site.on(host, "iptables", "--delete", *rule.split())


def _cut(site: Site, *rules: str, seconds: float = CUT) -> None:
    address = site.address(site.broker_host)
    with _firewall(site, site.workers[0], [rule.format(broker=address) for rule in rules]):
        time.sleep(seconds)


TO, FROM = "OUTPUT -d {broker} -j DROP", "INPUT -s {broker} -j DROP"
LOSS = " -m statistic --mode random --probability 0.2"


def cut(site: Site) -> None:
    """Cut a host off from the broker, in silence."""
    _cut(site, TO, FROM)


def cut_long(site: Site) -> None:
    """The same for two minutes."""
    _cut(site, TO, FROM, seconds=120)


def cut_from(site: Site) -> None:
    """Let nothing through from the broker to a host."""
    _cut(site, FROM)


def cut_to(site: Site) -> None:
    """Let nothing through from a host to the broker."""
    _cut(site, TO)


def loss(site: Site) -> None:
    """Lose one packet in five between a host and the broker."""
    _cut(site, TO + LOSS, FROM + LOSS, seconds=LOSSY)


def power_worker(site: Site) -> None:
    """Cut the power of a worker's host, and give it back."""
    site.fault("kill", site.workers[0])
    site.fault("start", site.workers[0])


def power_broker(site: Site) -> None:
    """Cut the power of the broker's host, and give it back."""
    site.fault("kill", site.broker_host)
    site.fault("start", site.broker_host)
    site.wait_broker()


def agent_gone(site: Site) -> str:
    """Remove the agent's files from a host whose workers then end; a hand plays the site."""
    host = site.workers[1]
    before = {unit.name: unit for unit in site.units(host)}
    site.on(host, "rm", "--recursive", "/opt/celery/agent/celeryops_agent")
    site.on(host, "kill", "-KILL", *(str(unit.pid) for unit in before.values()))
    wait_until("they do not come back", lambda: not any(unit.works for unit in site.units(host)))
    played = site.play()
    assert played.returncode == 0, played.stdout
    return "play the site"


def small_disk(site: Site) -> None:
    """Put the broker's data on a disk of its own of 64 MB."""
    data = DATA[site.broker_unit]
    site.on(
        site.broker_host, "sh", "-ec",
        f"systemctl stop {site.broker_unit}; cp -a {data} /tmp/data; mount -t tmpfs -o size=64m tmpfs {data};"
        f" cp -a /tmp/data/. {data}/; rm -r /tmp/data; systemctl start {site.broker_unit}",
    )  # fmt: skip


def own_disk(site: Site) -> None:
    """Take the small disk away again, with its data kept."""
    data = DATA[site.broker_unit]
    site.on(
        site.broker_host, "sh", "-ec",
        f"systemctl stop {site.broker_unit}; cp -a {data} /tmp/data; umount {data};"
        f" cp -a /tmp/data/. {data}/; rm -r /tmp/data; systemctl start {site.broker_unit}",
    )  # fmt: skip


def disk_full(site: Site) -> str:
    """Fill the broker's disk; a hand makes room on it."""
    fill = f"{DATA[site.broker_unit]}/fill"
    site.on(site.broker_host, "dd", "if=/dev/zero", f"of={fill}", "bs=64k", accept=(0, 1))
    try:
        time.sleep(FULL)
        for unit in site.units():
            print(f"faults: full: {unit.host} {unit.name} is {unit.state}: {unit.status}", flush=True)
    finally:
        site.on(site.broker_host, "rm", fill)
    return "make room"
