# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who asks Flower without a login is content with a refusal only."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from unit.plugins.modules.running import run_module


@contextmanager
def answering(status: int, asked: list[str], port: int = 0) -> Iterator[int]:
    """Answer every question with a status; yields the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("status", [401, 302])
def test_a_refusal_is_well(status: int) -> None:
    asked: list[str] = []
    with answering(status, asked) as port:
        result = run_module("flower_ping", url=f"http://127.0.0.1:{port}/flower")
    assert (result.get("failed"), result["status"]) == (None, status)
    assert asked == ["/flower/api/workers"]


@pytest.mark.parametrize("status", [200, 500])
def test_another_answer_is_not(status: int) -> None:
    with answering(status, []) as port:
        result = run_module("flower_ping", url=f"http://127.0.0.1:{port}")
    assert result["failed"]
    assert f"http://127.0.0.1:{port}: status {status} without a login" in result["msg"]


def test_nobody_there_is_told_or_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    result = run_module("flower_ping", url=url)
    assert result["failed"]
    assert f"{url}: Flower does not answer" in result["msg"]
    found: list[object] = []

    def ask() -> None:
        found.append(run_module("flower_ping", url=url, wait=60)["status"])

    asking = threading.Thread(target=ask)
    asking.start()
    with answering(401, [], port):
        asking.join()
    assert found == [401]
