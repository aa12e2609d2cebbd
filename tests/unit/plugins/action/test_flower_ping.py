# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who asks Flower without a login is content with a refusal only."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest


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


def ping(book: Path, **arguments: object) -> str:
    """Play the action on this machine; return its message, or the status where it has none."""
    tasks = [
        {"celeryops.systemd.flower_ping": arguments, "register": "said"},
        {"ansible.builtin.debug": {"msg": "said={{ said['status'] }}"}},
    ]
    book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = ["ansible-playbook", "--connection=local", str(book)]
    shown = {**os.environ, "ANSIBLE_DISPLAY_OK_HOSTS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=shown)
    return " ".join(f"{done.stdout} {done.stderr}".split())


@pytest.mark.parametrize("status", [401, 302])
def test_a_refusal_is_well(status: int, tmp_path: Path) -> None:
    asked: list[str] = []
    with answering(status, asked) as port:
        said = ping(tmp_path / "play.yml", url=f"http://127.0.0.1:{port}/flower")
    assert f"said={status}" in said
    assert asked == ["/flower/api/workers"]


@pytest.mark.parametrize("status", [200, 500])
def test_another_answer_is_not(status: int, tmp_path: Path) -> None:
    with answering(status, []) as port:
        said = ping(tmp_path / "play.yml", url=f"http://127.0.0.1:{port}")
    assert f"http://127.0.0.1:{port}: status {status} without a login" in said
    assert "said=" not in said


def test_nobody_there_is_told_or_waited_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    assert f"{url}: Flower does not answer (ConnectionRefusedError" in ping(tmp_path / "play.yml", url=url)
    found: list[str] = []

    def ask() -> None:
        found.append(ping(tmp_path / "play.yml", url=url, wait=60))

    asking = threading.Thread(target=ask)
    asking.start()
    with answering(401, [], port):
        asking.join()
    assert "said=401" in found[0]
