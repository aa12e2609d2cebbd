"""Flower as a person reaches it: through ssh, for it listens on its host's loopback only."""

from __future__ import annotations

import base64
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PATIENCE = 30.0


@contextmanager
def tunnel(ssh_config: Path, host: str, port: int) -> Iterator[str]:
    """Yield the URL at which loopback `port` of `host` answers here, while the context lasts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        local = free.getsockname()[1]
    # Not over a shared connection: there the forwarding would outlive this process.
    words = [
        "ssh", "-F", str(ssh_config), "-o", "ControlPath=none", "-o", "ExitOnForwardFailure=yes",
        "-N", "-L", f"127.0.0.1:{local}:127.0.0.1:{port}", host,
    ]  # fmt: skip
    process = subprocess.Popen(words)
    try:
        _wait(local)
        yield f"http://127.0.0.1:{local}"
    finally:
        process.terminate()
        process.wait()


def visit(url: str, user: str = "", password: str = "") -> int:
    """Return the HTTP status that `url` answers with, with basic authentication when a user is given."""
    request = Request(url)
    if user:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    try:
        with urlopen(request, timeout=PATIENCE) as answer:
            status: int = answer.status
            return status
    except HTTPError as error:
        return error.code


def _wait(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
