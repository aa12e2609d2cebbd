"""A fleet of the lab that is operated while tasks flow: its plays, its units, the account of the tasks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from load.accounting import Account
from load.consumers import PREFIX, Consumers, Watch, lines, queue_of
from load.driver import Order, drive, leftover, report
from load.remote import Hosts

PROPERTIES = ("Id", "MainPID", "StatusText", "ActiveState", "UnitFileState")
CHORD_EVERY = 40


@dataclass(frozen=True)
class Unit:
    """A worker or beat as its host's systemd sees it."""

    host: str
    name: str
    pid: int
    state: str
    status: str
    enabled: bool
    release: str

    @property
    def works(self) -> bool:
        """Whether it does its work now; for a worker, that it consumes."""
        worker = self.name.startswith(PREFIX)
        return self.state == "active" and (not worker or self.status.startswith("consuming "))


@dataclass(frozen=True)
class Fleet:
    """A fleet of the lab.

    :param inventory: What ansible-playbook takes.
    :param ssh_config: How its hosts are reached.
    :param workers: The hosts of the workers.
    :param sender: The host that sends tasks and has beat.
    """

    inventory: Path
    ssh_config: Path
    workers: Sequence[str] = ("worker1", "worker2")
    sender: str = "ops1"

    @property
    def hosts(self) -> Hosts:
        """How its hosts are reached."""
        return Hosts(self.ssh_config)

    def play(
        self, playbook: str, *arguments: str, inventory: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Play a playbook of the collection to its end, whatever that is."""
        return subprocess.run(
            self._command(playbook, arguments, inventory),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def interrupt(self, playbook: str, *arguments: str, when: Callable[[], bool]) -> None:
        """Play a playbook, and break it off as an operator's Ctrl-C does when `when` says so."""
        with subprocess.Popen(
            self._command(playbook, arguments, None),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as playing:
            while playing.poll() is None and not when():
                time.sleep(0.5)
            assert playing.poll() is None, f"{playbook} was over before it could be interrupted"
            os.killpg(playing.pid, signal.SIGINT)

    def _command(self, playbook: str, arguments: Iterable[str], inventory: Path | None) -> list[str]:
        where = str(inventory or self.inventory)
        return ["ansible-playbook", f"celeryops.systemd.{playbook}", "-i", where, *arguments]

    def units(self) -> list[Unit]:
        """All workers and beat."""
        return [unit for host in (*self.workers, self.sender) for unit in self.on(host)]

    def on(self, host: str) -> Iterable[Unit]:
        """The workers and beat of a host."""
        # Patterns match only what is loaded: a drained worker that nobody asks for is not.
        names = self.hosts.run(host, ["ls", "/etc/conf.d/celery"]).split()
        workers = [name for name in names if name.startswith("worker-")]
        wanted = [f"{PREFIX}{name[len('worker-') : -len('.env')]}.service" for name in workers]
        wanted += ["celery-beat.service"] * ("beat.env" in names)
        if not wanted:
            return
        shown = self.hosts.run(host, ["systemctl", "show", f"--property={','.join(PROPERTIES)}", *wanted])
        for block in shown.strip().split("\n\n"):
            values = dict(line.split("=", 1) for line in block.splitlines())
            pid = int(values["MainPID"])
            cwd = self.hosts.run(host, ["readlink", f"/proc/{pid}/cwd"], accept=(0, 1)) if pid else ""
            yield Unit(
                host=host,
                name=values["Id"].removesuffix(".service"),
                pid=pid,
                state=values["ActiveState"],
                status=values["StatusText"],
                enabled=values["UnitFileState"] == "enabled",
                release=Path(cwd.strip()).parent.name,
            )


class Load:
    """Tasks flow through every queue while this is entered; then each is accounted for by id.

    :param what: What is done to the fleet meanwhile, for the record.
    :param mix: The tasks, as in tests/apps/*/load.json.
    :param least: How many tasks are sent at least.
    :param rate: Sendings a second.
    :param record: A file that gets a line of JSON about it.
    """

    def __init__(
        self, fleet: Fleet, what: str, mix: dict[str, Any], least: int, rate: float, record: Path | None
    ) -> None:
        self._fleet, self._what, self._record = fleet, what, record
        self._order = Order(
            sender=fleet.sender, workers=tuple(fleet.workers), mix=mix,
            count=least, chords=max(1, least // CHORD_EVERY), rate=rate,
        )  # fmt: skip
        self._enough = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._accounts: list[Account] = []
        self._error: BaseException | None = None
        self.consumers: list[Consumers] = []

    def _run(self) -> None:
        try:
            self._accounts = drive(self._fleet.hosts, self._order, lambda _line: None, self._enough.is_set)
        except BaseException as error:
            self._error = error

    def __enter__(self) -> Load:
        self._watch = Watch(self._fleet.hosts, self._fleet.workers)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._enough.set()
        self._thread.join()
        if self._error:
            raise self._error
        self._held = leftover(self._fleet.hosts, self._order)
        self.consumers = self._watch.report()
        if self._record:
            consumers = [asdict(one) for one in self.consumers]
            accounts = [asdict(account) for account in self._accounts]
            row = {"what": self._what, "accounts": accounts, "consumers": consumers, "held": self._held}
            with self._record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + os.linesep)

    @property
    def each_ran_once(self) -> bool:
        """Whether every task ended well and ran once, and none waits."""
        return self._accounts[-1].clean and not self._held["waiting"]

    @property
    def clean(self) -> bool:
        """Whether every task ended well and ran once, and the broker holds none any more."""
        return self.each_ran_once and not any(self._held.values())

    @property
    def alone(self) -> list[str]:
        """The queues that had two workers or more and at some moment none."""
        return [row.queue for row in self.consumers if row.first > 1 and not row.fewest]

    def __str__(self) -> str:
        return "\n".join([*report(self._accounts, self._held), *lines(self.consumers)])


def queues(units: Iterable[Unit]) -> set[str]:
    """The queues that have a worker."""
    return {queue_of(f"{unit.name}.service") for unit in units if unit.name.startswith(PREFIX)}
