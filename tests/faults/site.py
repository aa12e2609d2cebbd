"""The fleet that faults are done to: its units, its broker, its network, its plays."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from eventually import wait_until
from load.consumers import PREFIX
from load.fleet import Fleet as Plays
from load.fleet import Unit
from load.remote import Hosts, RemoteError

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "tests/lab/lab"
INVENTORIES = ROOT / "tests/faults/inventories"
#: The inventory of each broker, and the unit that is the broker.
BROKERS = {"redis": "redis-server", "redis-reliable": "redis-server", "rabbitmq": "rabbitmq-server"}
DROPIN = Path("/etc/systemd/system/celery-worker@.service.d/reliable.conf")
SWITCH = "[Service]\nEnvironment=CELERYOPS_RELIABLE_REDIS=1\n"
LEADS_NOWHERE = "test -d /opt/celery/current/app || echo current"
DATA = {"redis-server": "/var/lib/redis", "rabbitmq-server": "/var/lib/rabbitmq"}


@dataclass(frozen=True)
class Site:
    """A fleet of the lab.

    :param broker: One of BROKERS.
    :param chance: What is random in a fault.
    """

    broker: str
    name: str = "faults"
    workers: Sequence[str] = ("worker1", "worker2")
    sender: str = "ops1"
    broker_host: str = "broker1"
    chance: random.Random = field(default_factory=random.Random)

    @property
    def cache(self) -> Path:
        """Where the lab keeps its files."""
        return ROOT / ".cache/lab" / self.name

    @property
    def hosts(self) -> Hosts:
        """How the hosts are reached."""
        return Hosts(self.cache / "ssh_config")

    @property
    def plays(self) -> Plays:
        """The fleet as one operates it."""
        return Plays(self.inventory, self.cache / "ssh_config", self.workers, self.sender)

    @property
    def broker_unit(self) -> str:
        """The unit that is the broker."""
        return BROKERS[self.broker]

    @property
    def inventory(self) -> Path:
        """The broker's inventory."""
        return INVENTORIES / f"{self.broker.partition('-')[0]}.yml"

    def switch(self) -> None:
        """Let the workers take from Redis by the agent's transport where the broker's name says so."""
        if self.broker != "redis-reliable":
            return
        for host in self.workers:
            self.on(host, "mkdir", "--parents", str(DROPIN.parent))
            self.hosts.run(host, ["tee", str(DROPIN)], stdin=SWITCH)
            self.on(host, "systemctl", "daemon-reload")
            self.on(host, "systemctl", "restart", f"{PREFIX}*")

    @property
    def has_results(self) -> bool:
        """Whether the fleet has a result backend, as chords need one."""
        return self.broker_unit == "redis-server"

    def on(self, host: str, *command: str, accept: Sequence[int] = (0,)) -> str:
        """What a command prints on a host."""
        return self.hosts.run(host, command, accept=accept)

    def fault(self, action: str, host: str) -> None:
        """Break a host from outside, or bring it back."""
        subprocess.run(
            [LAB, "fault", "--name", self.name, action, host],
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def command(self, *arguments: str) -> list[str]:
        """The words that play the site."""
        inventories = [INVENTORIES / "fleet.yml", self.inventory, self.cache / "inventory.json"]
        return [
            "ansible-playbook", "celeryops.systemd.site",
            *(word for path in inventories for word in ("-i", str(path))), *arguments,
        ]  # fmt: skip

    def play(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Play the site to its end, whatever that is."""
        return subprocess.run(
            self.command(*arguments), text=True, check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def begin(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Begin to play the site, in a process group of its own."""
        return subprocess.Popen(
            self.command(*arguments), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def units(self, *hosts: str) -> list[Unit]:
        """The workers of some hosts, or of all; none of a host that does not answer."""
        found = []
        for host in hosts or self.workers:
            try:
                found += [unit for unit in self.plays.on(host) if unit.name.startswith(PREFIX)]
            except RemoteError:
                continue
        return found

    def unit(self, host: str, name: str) -> Unit:
        """A worker as it is now."""
        return next(unit for unit in self.units(host) if unit.name == name)

    @property
    def instances(self) -> set[tuple[str, str]]:
        """The host and name of each worker."""
        return {(unit.host, unit.name.removeprefix(PREFIX)) for unit in self.units()}

    def restarts(self) -> dict[str, int]:
        """How often systemd has restarted each worker by itself."""
        found = {}
        for host in self.workers:
            shown = self.on(host, "systemctl", "show", "--property=Id,NRestarts", f"{PREFIX}*")
            for block in filter(None, shown.strip().split("\n\n")):
                values = dict(line.split("=", 1) for line in block.splitlines())
                found[f"{host} {values['Id']}"] = int(values["NRestarts"])
        return found

    def wait_well(self, bound: float = 240.0) -> None:
        """Wait until each worker consumes; AssertionError where one does not."""
        wait_until(
            "every worker consumes",
            lambda: len(units := self.units()) == 3 * len(self.workers) and all(unit.works for unit in units),
            bound,
        )

    def wait_broker(self) -> None:
        """Wait until the broker's unit is up: it says so itself (Type=notify)."""
        wait_until(
            "the broker is up",
            lambda: self._of_broker("ActiveState") == "active",
        )

    def broker_pid(self) -> int:
        """The broker's process."""
        return int(self._of_broker("MainPID"))

    def _of_broker(self, name: str) -> str:
        show = ["systemctl", "show", f"--property={name}", "--value", self.broker_unit]
        return self.on(self.broker_host, *show).strip()

    def address(self, host: str) -> str:
        """A host's address in the lab."""
        return self.on(host, "hostname", "-I").split()[0]

    def dangling(self) -> list[str]:
        """The hosts whose `current` leads nowhere, and the workers whose release is gone."""
        found = []
        for host in (*self.workers, self.sender):
            found += [f"{host}: current"] * (self.on(host, "sh", "-c", LEADS_NOWHERE) != "")
            found += [f"{host}: {unit.name}" for unit in self.plays.on(host) if "(deleted)" in unit.release]
        return found
