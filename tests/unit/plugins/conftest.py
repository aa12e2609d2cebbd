# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Brokers to talk to: a real Redis, and servers that say one thing."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

#: Where Redis' own program is: that of this machine, or the one that make tools links.
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

StartRedis = Callable[..., int]
StartSentinel = Callable[[int, str], int]
StartServer = Callable[[bytes], int]


def unused_port() -> int:
    """Return a port on loopback that nothing listens on; a Redis Cluster also needs the one 10,000 above."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        if port < 2**16 - 10_000:
            return port


def wait_for(port: int) -> None:
    """Return when something listens on ``port``."""
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


@pytest.fixture
def free_port() -> int:
    """Return a port on loopback that nothing listens on."""
    return unused_port()


@pytest.fixture
def start_redis(tmp_path: Path) -> Iterator[StartRedis]:
    """Start a Redis with the given command-line options, on a port that is returned."""
    with ExitStack() as running:

        def start(*options: str, port: int = 0, tls: bool = False) -> int:
            port = port or unused_port()
            ports = ("--port", "0", "--tls-port", str(port)) if tls else ("--port", str(port))
            server = subprocess.Popen(
                ["redis-server", "--save", "", "--dir", str(tmp_path), *ports, *options],
                stdout=subprocess.DEVNULL,
                env={"PATH": PATH},
            )
            running.callback(server.wait)
            running.callback(server.terminate)
            wait_for(port)
            return port

        yield start


@pytest.fixture
def start_sentinel(tmp_path: Path) -> Iterator[StartSentinel]:
    """Start a Sentinel with the given users, which calls the Redis on a port ``celery``; return its port."""
    with ExitStack() as running:

        def start(primary: int, users: str) -> int:
            port, acl, config = unused_port(), tmp_path / "sentinel.acl", tmp_path / "sentinel.conf"
            acl.write_text(users)
            monitor = f"sentinel monitor celery 127.0.0.1 {primary} 1\n"
            config.write_text(f"port {port}\nbind 127.0.0.1\naclfile {acl}\n{monitor}")
            server = subprocess.Popen(
                ["redis-server", config, "--sentinel"],
                stdout=subprocess.DEVNULL,
                env={"PATH": PATH},
            )
            running.callback(server.wait)
            running.callback(server.terminate)
            wait_for(port)
            return port

        yield start


@pytest.fixture
def start_server() -> Iterator[StartServer]:
    """Start a server that reads once, sends the given bytes, and hears the client out; return its port."""
    with ExitStack() as running:

        def start(reply: bytes) -> int:
            listener = running.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                connection, _peer = listener.accept()
                with connection, suppress(ConnectionError):
                    connection.recv(4096)
                    connection.sendall(reply)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(4096):
                        pass

            thread = threading.Thread(target=serve)
            thread.start()
            running.callback(thread.join, 30)
            port: int = listener.getsockname()[1]
            return port

        yield start
