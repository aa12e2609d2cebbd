# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real parts for the agent's tests: a Redis server, Celery processes, and systemd's end of NOTIFY_SOCKET."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import redis
from celery import Celery
from eventually import wait_until

HERE = Path(__file__).resolve().parent
AGENT = HERE.parents[2] / "roles" / "celery_app" / "files"
BIN = Path(sys.executable).parent

#: Generous: a bound for what must happen at all, never a measure of speed.
BOUND = 60.0


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@dataclass
class Redis:
    """A Redis server of this test's own. Its data outlives a restart."""

    directory: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    options: tuple[str, ...] = ()
    login: tuple[str, ...] = ()  # of redis-cli

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        server = shutil.which("redis-server", path=f"{BIN}:{os.environ['PATH']}")
        assert server, "no redis-server here; make tools provides it"
        self.process = subprocess.Popen(
            [
                server,
                "--port",
                str(self.port),
                "--bind",
                "127.0.0.1",
                "--dir",
                str(self.directory),
                "--appendonly",
                "yes",
                "--save",
                "",
                *self.options,
            ],
            stdout=subprocess.DEVNULL,
        )
        wait_until("Redis answers", self.answers)

    def answers(self) -> bool:
        return self.ask("PING") == "PONG"

    def ask(self, *command: str) -> str:
        """The answer of redis-cli."""
        run = subprocess.run(
            ["redis-cli", "-p", str(self.port), *self.login, *command],
            capture_output=True,
            text=True,
            check=False,
        )
        return run.stdout.strip()

    def has_waiting(self, clients: int) -> bool:
        """Whether so many consumers wait for work."""
        return f"blocked_clients:{clients}" in self.ask("INFO", "clients").split()

    def break_listeners_and_deliver(self, source: str, queues: Iterable[str]) -> None:
        """In one moment close every pub/sub connection, and move a message of ``source`` to each queue."""
        with redis.Redis(port=self.port) as client, client.pipeline(transaction=True) as moment:
            moment.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            for queue in queues:
                moment.rpoplpush(source, queue)
            moment.execute()

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(BOUND)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)


class Line:
    """A TCP line to the broker that can fall silent, as when its host dies or a firewall forgets, or be cut.

    Who is connected to a silent line hears nothing more, no reset either. New connections go through.
    What :meth:`swallow` does, the broker does not hear of either: it goes on to serve who cannot hear.
    """

    def __init__(self, port: int) -> None:
        self._broker = port
        self._far: set[socket.socket] = set()
        self._near: list[socket.socket] = []  # kept, for to forget a socket is to close it
        self._cut: tuple[bytes, bool] | None = None
        self._mute: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def fall_silent(self) -> None:
        """The broker loses its clients; the clients do not hear of it."""
        silenced, self._far = self._far, set()
        for far in silenced:
            with suppress(OSError):  # a client that has gone by itself
                far.shutdown(socket.SHUT_RDWR)

    def swallow(self) -> None:
        """Carry nothing more over what is connected; neither end hears of it."""
        self._mute |= self._far

    def cut_at(self, word: bytes, *, arrives: bool) -> None:
        """Close all connections once, when a client sends this.

        :param arrives: whether the broker still gets what was sent; its answer is lost in any case.
        """
        self._cut = (word, arrives)

    def _cuts(self, sent: bytes, far: socket.socket) -> bool:
        """Whether this is what the cut waits for; if so, make it."""
        if self._cut is None or self._cut[0] not in sent:
            return False
        (_word, arrives), self._cut = self._cut, None
        for near in self._near:
            with suppress(OSError):
                near.shutdown(socket.SHUT_RDWR)
        if arrives:
            far.sendall(sent)
            far.shutdown(socket.SHUT_WR)  # the broker reads what it was sent, and then the end
            self._far.discard(far)
        self.fall_silent()
        return True

    def _accept(self) -> None:
        while True:
            near, _address = self._listener.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self._broker))
            except OSError:
                near.close()
                continue
            self._far.add(far)
            self._near.append(near)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink, far), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if far in self._mute:
                    continue
                if source is not far and self._cuts(data, sink):
                    break
                sink.sendall(data)
        if far in self._far:
            with suppress(OSError):
                sink.shutdown(socket.SHUT_RDWR)


class ServiceManager:
    """What systemd does at the other end of NOTIFY_SOCKET: it hears."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: list[tuple[float, dict[str, str]]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            lines = self._socket.recv(65536).decode().splitlines()
            self.heard.append((time.monotonic(), dict(line.split("=", 1) for line in lines)))

    def count(self, key: str, since: float = 0.0) -> int:
        """How often a variable was sent since a moment."""
        return sum(key in message for moment, message in list(self.heard) if moment >= since)

    @property
    def status(self) -> str:
        """The last STATUS."""
        return next((m["STATUS"] for _when, m in reversed(list(self.heard)) if "STATUS" in m), "")

    def would_restart(self, watchdog: float) -> bool:
        """Whether systemd's patience of so many seconds ran out since the service was ready."""
        pets = [moment for moment, message in list(self.heard) if {"READY", "WATCHDOG"} & message.keys()]
        return any(later - earlier > watchdog for earlier, later in pairwise([*pets, time.monotonic()]))

    def silent_for(self, seconds: float) -> bool:
        """Whether no time was asked for in the last so many seconds."""
        asked = [moment for moment, message in list(self.heard) if "EXTEND_TIMEOUT_USEC" in message]
        return time.monotonic() - max(asked, default=0.0) > seconds

    @property
    def extensions(self) -> list[int]:
        """Each EXTEND_TIMEOUT_USEC, in microseconds."""
        return [int(m["EXTEND_TIMEOUT_USEC"]) for _when, m in list(self.heard) if "EXTEND_TIMEOUT_USEC" in m]


class Service:
    """One Celery process as systemd would start it."""

    def __init__(
        self,
        directory: Path,
        arguments: list[str],
        environ: dict[str, str],
        manager: ServiceManager | None,
        target: str,
    ) -> None:
        self.manager = manager
        self.log = directory / f"log-{time.monotonic_ns()}"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(BIN / "celery"), *(["-A", target] if target else []), *arguments],
                cwd=HERE / "apps",
                env=environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def signal(self, number: int) -> None:
        """Signal the main process alone, as KillMode=mixed does."""
        self.process.send_signal(number)

    def ended(self, bound: float = BOUND) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(bound)

    @property
    def systemd(self) -> ServiceManager:
        """Who hears of it."""
        assert self.manager is not None, "this service was started without a NOTIFY_SOCKET"
        return self.manager

    def is_ready(self) -> bool:
        """Whether it told systemd so."""
        return self.systemd.count("READY") > 0

    def shows(self, status: str) -> bool:
        """Whether this is its STATUS now."""
        return self.systemd.status == status

    def was_seen(self, status: str) -> bool:
        """Whether this was ever its STATUS."""
        return any(message.get("STATUS") == status for _when, message in list(self.systemd.heard))

    def asks_for_time(self, times: int) -> bool:
        """Whether it sent EXTEND_TIMEOUT_USEC so often."""
        return len(self.systemd.extensions) >= times

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """Leave nothing of it behind."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(BOUND)

    def says(self, text: str) -> bool:
        """Whether its log holds a text."""
        return text in self.log.read_text(errors="replace")


#: Every pool that Celery has.
POOLS = ("prefork", "threads", "gevent", "eventlet", "solo")

#: What the role celery_app sets, as far as the agent's promises rest on it.
SAFE_SETTINGS: dict[str, Any] = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "broker_connection_retry_on_startup": True,
    "broker_channel_error_retry": True,
    "broker_transport_options": {
        "socket_keepalive": True,
        "socket_connect_timeout": 5,
        "socket_timeout": 5,
        "health_check_interval": 3,
        "max_connections": 1000,
        "visibility_timeout": 3600,
    },
}


@dataclass
class Stage:
    """One test's own broker, marks and processes."""

    directory: Path
    redis: Redis
    services: list[Service] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=lambda: dict(SAFE_SETTINGS))

    def environ(self, **more: str) -> dict[str, str]:
        (self.directory / "marks").mkdir(exist_ok=True)
        settings = self.directory / "settings.json"
        settings.write_text(json.dumps(self.settings), encoding="utf-8")
        return {
            "CELERYOPS_SETTINGS": str(settings),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(AGENT),
            "MARKS": str(self.directory / "marks"),
            "CELERY_BROKER_URL": self.redis.url,
            "CELERYOPS_APP": "parcels:application",
            **more,
        }

    def celery(
        self,
        *arguments: str,
        watchdog: float = 60.0,
        abstract: bool = False,
        listen: bool = True,
        target: str = "celeryops_agent.fleet",
        **environ: str,
    ) -> Service:
        """Start a Celery process; ``watchdog`` is its WatchdogSec in seconds."""
        manager = None
        if listen:
            name = f"{self.directory}/notify-{len(self.services)}"
            manager = ServiceManager(f"@{name}" if abstract else name)
            environ = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(int(watchdog * 1e6)), **environ}
        service = Service(self.directory, list(arguments), self.environ(**environ), manager, target)
        self.services.append(service)
        return service

    def worker(self, pool: str = "prefork", *arguments: str, **options: Any) -> Service:
        """Start a worker with two slots for the queue of its pool's name; options as for :meth:`celery`."""
        return self.celery(
            "worker",
            f"--pool={pool}",
            "--concurrency=2",
            f"--queues={pool}",
            "--loglevel=INFO",
            f"--hostname={pool}@test",
            *arguments,
            **options,
        )

    def send(self, queue: str, task: str, *args: object) -> None:
        """Send a task by its name, as a client without the code does."""
        with Celery(broker=self.redis.url, set_as_current=False) as client:
            client.send_task(task, args=args, queue=queue)

    def control(self, command: str, node: str, **arguments: object) -> None:
        """Give a worker a remote control command; nobody waits for its answer."""
        with Celery(broker=self.redis.url, set_as_current=False) as client:
            # gevent and eventlet listen for commands a moment after they consume.
            wait_until(f"{node} listens", lambda: bool(client.control.ping([node], limit=1)))
            client.control.broadcast(command, destination=[node], arguments=arguments)

    def marks(self, event: str) -> list[str]:
        """Names of the tasks that left this mark, in order."""
        path = self.directory / "marks" / event
        return path.read_text().split() if path.exists() else []

    def has_all_marks(self, event: str, names: Iterable[str]) -> bool:
        """Whether each of these tasks left this mark, however often."""
        return set(names) <= set(self.marks(event))

    def has_marks(self, event: str, number: int) -> bool:
        """Whether so many tasks left this mark."""
        return len(self.marks(event)) >= number
