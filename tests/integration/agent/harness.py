# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real parts for the agent's tests: a Redis server, Celery processes, and systemd's end of NOTIFY_SOCKET."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
AGENT = HERE.parents[2] / "roles" / "celery_app" / "files"
BIN = Path(sys.executable).parent

#: Generous: a bound for what must happen at all, never a measure of speed.
BOUND = 60.0


def wait_until(what: str, condition: Callable[[], bool], bound: float = BOUND) -> None:
    """Poll until the condition holds; fail with its name after ``bound`` seconds."""
    end = time.monotonic() + bound
    while not condition():
        assert time.monotonic() < end, f"in {bound:.0f} s it did not happen that {what}"
        time.sleep(0.05)


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
            ],
            stdout=subprocess.DEVNULL,
        )
        wait_until("Redis answers", self.answers)

    def answers(self) -> bool:
        return self.ask("PING") == "PONG"

    def ask(self, *command: str) -> str:
        """The answer of redis-cli."""
        run = subprocess.run(
            ["redis-cli", "-p", str(self.port), *command], capture_output=True, text=True, check=False
        )
        return run.stdout.strip()

    def stop(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait(BOUND)

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)


class Line:
    """A TCP line to the broker that can fall silent, as when its host dies or a firewall forgets.

    Who is connected then hears nothing more, no reset either; new connections go through.
    """

    def __init__(self, port: int) -> None:
        self._broker = port
        self._far: set[socket.socket] = set()
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
            far.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            near, _ = self._listener.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self._broker))
            except OSError:
                near.close()
                continue
            self._far.add(far)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink, far), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
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
        return next((m["STATUS"] for _, m in reversed(list(self.heard)) if "STATUS" in m), "")

    @property
    def extensions(self) -> list[int]:
        """Each EXTEND_TIMEOUT_USEC, in microseconds."""
        return [int(m["EXTEND_TIMEOUT_USEC"]) for _, m in list(self.heard) if "EXTEND_TIMEOUT_USEC" in m]


class Service:
    """One Celery process as systemd would start it."""

    def __init__(
        self, directory: Path, arguments: list[str], environ: dict[str, str], manager: ServiceManager | None
    ) -> None:
        self.manager = manager
        self.log = directory / f"log-{time.monotonic_ns()}"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(BIN / "celery"), "-A", "celeryops_agent.fleet", *arguments],
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


@dataclass
class Stage:
    """One test's own broker, marks and processes."""

    directory: Path
    redis: Redis
    services: list[Service] = field(default_factory=list)

    def environ(self, **more: str) -> dict[str, str]:
        (self.directory / "marks").mkdir(exist_ok=True)
        return {
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
        **environ: str,
    ) -> Service:
        """Start a Celery process; ``watchdog`` is its WatchdogSec in seconds."""
        manager = None
        if listen:
            name = f"{self.directory}/notify-{len(self.services)}"
            manager = ServiceManager(f"@{name}" if abstract else name)
            environ = {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(int(watchdog * 1e6)), **environ}
        service = Service(self.directory, list(arguments), self.environ(**environ), manager)
        self.services.append(service)
        return service

    def worker(self, pool: str = "prefork", *arguments: str, **options: Any) -> Service:
        """Start a worker of the queue parcels with two slots; options as for :meth:`celery`."""
        return self.celery(
            "worker",
            f"--pool={pool}",
            "--concurrency=2",
            "--queues=parcels",
            "--loglevel=INFO",
            "--hostname=parcels@test",
            *arguments,
            **options,
        )

    def marks(self, event: str) -> list[str]:
        """Names of the tasks that left this mark, in order."""
        path = self.directory / "marks" / event
        return path.read_text().split() if path.exists() else []
