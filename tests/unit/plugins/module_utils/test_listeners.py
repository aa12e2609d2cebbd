# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""While a broker is away, anybody on the host may listen at its port: he is told no password.

The stranger is the user nobody, so these tests want root, as CI and the lab have it.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import listeners
from unit.plugins.modules.running import run_module

NOBODY = pwd.getpwnam("nobody")
Stranger = tuple[int, Callable[[], bytes]]


@pytest.fixture(params=["127.0.0.1", "::ffff:127.0.0.1"])
def stranger(request: pytest.FixtureRequest) -> Iterator[Stranger]:
    """A port at which nobody listens, and what he was told there."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    heard, tell = os.pipe()
    port_read, port_write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(heard)
            os.setresgid(NOBODY.pw_gid, NOBODY.pw_gid, NOBODY.pw_gid)
            os.setresuid(NOBODY.pw_uid, NOBODY.pw_uid, NOBODY.pw_uid)
            with socket.socket(family) as server:
                server.bind((request.param, 0))
                server.listen()
                os.write(port_write, str(server.getsockname()[1]).encode())
                while True:
                    with server.accept()[0] as client:
                        while received := client.recv(4096):
                            os.write(tell, received)
                            client.sendall(b"+OK\r\n")
        finally:
            os._exit(1)
    os.close(tell)
    port = int(os.read(port_read, 16))

    def told() -> bytes:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        said = b""
        while more := os.read(heard, 4096):
            said += more
        return said

    yield port, told
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    for each in (heard, port_read, port_write):
        os.close(each)


@pytest.mark.parametrize("check", [True, False], ids=["check mode", "run"])
def test_redis_admin_password_is_not_told_to_a_stranger(
    stranger: Stranger, tmp_path: Path, check: bool
) -> None:
    port, told = stranger
    files = {"path": f"{tmp_path}/acl", "secret": f"{tmp_path}/secret"}
    asked: dict[str, Any] = {"users": {}, "group": "root", "url": f"redis://127.0.0.1:{port}/0"}
    result = run_module("redis_users", check, **files, **asked)
    assert result["failed"]
    assert f"port {port}: nobody listens there, not root; stop it, and play again" in result["msg"]
    assert told() == b""


def test_rabbitmq_admin_password_is_not_told_to_a_stranger(stranger: Stranger, tmp_path: Path) -> None:
    port, told = stranger
    (tmp_path / "cookie").write_text("COOKIE")
    asked: dict[str, Any] = {"vhost": "v", "users": {}, "cookie": f"{tmp_path}/cookie", "port": port}
    result = run_module("rabbitmq_state", check=True, **asked)
    assert result["failed"]
    assert f"port {port}: nobody listens there, not root; stop it, and play again" in result["msg"]
    assert told() == b""


def test_the_service_itself_is_no_stranger(stranger: Stranger) -> None:
    port, _told = stranger
    listeners.require(port, NOBODY.pw_uid)


def test_where_nobody_listens_any_more_no_password_is_told(free_port: int) -> None:
    with pytest.raises(listeners.StrangerError, match="no longer listens there"):
        listeners.require(free_port, 0)
