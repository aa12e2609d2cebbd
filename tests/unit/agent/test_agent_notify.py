# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sd_notify protocol over real sockets."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest
from celeryops_agent.notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[socket.socket, str]:
    """systemd's socket, and its name as NOTIFY_SOCKET has it."""
    path = str(tmp_path / "notify")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.settimeout(10)
    if request.param == "abstract":
        sock.bind("\0" + path)
        return sock, "@" + path
    sock.bind(path)
    return sock, path


def test_one_datagram_with_a_line_for_each_variable(manager: tuple[socket.socket, str]) -> None:
    sock, name = manager
    Notifier({"NOTIFY_SOCKET": name}).send({"READY": "1", "STATUS": "consuming mail, 3 active"})
    assert sock.recv(4096) == b"READY=1\nSTATUS=consuming mail, 3 active"


def test_a_value_cannot_forge_a_variable(manager: tuple[socket.socket, str]) -> None:
    sock, name = manager
    Notifier({"NOTIFY_SOCKET": name}).send({"STATUS": "consuming a\nMAINPID=1"})
    assert sock.recv(4096) == b"STATUS=consuming a MAINPID=1"


def test_a_forked_child_is_silent(manager: tuple[socket.socket, str]) -> None:
    sock, name = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})
    child = os.fork()
    if child == 0:
        notifier.send({"READY": "1"})
        os._exit(0)
    os.waitpid(child, 0)
    notifier.send({"STATUS": "from the parent"})
    assert sock.recv(4096) == b"STATUS=from the parent"


def test_nobody_listens() -> None:
    for environ in ({}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}):
        notifier = Notifier(environ)
        assert not notifier.listening
        notifier.send({"READY": "1"})


def test_a_reader_that_is_behind_does_not_block_the_sender(tmp_path: Path) -> None:
    path = str(tmp_path / "notify")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    notifier = Notifier({"NOTIFY_SOCKET": path})

    def flood() -> None:
        for _turn in range(100_000):
            notifier.send({"STATUS": "x" * 1000})

    raised: list[BaseException] = []

    def run() -> None:
        try:
            flood()
        except OSError as exc:
            raised.append(exc)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(60)
    assert isinstance(raised[0], BlockingIOError)


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
    ],
)
def test_the_watchdog_that_is_meant_for_us(environ: dict[str, str], seconds: float) -> None:
    assert Notifier(environ).watchdog == seconds
