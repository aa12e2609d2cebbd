# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sd_notify protocol: one datagram of ``KEY=value`` lines to NOTIFY_SOCKET.

Source: sd_notify(3), https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

# The C module, because gevent and eventlet replace `socket`, and the agent's thread stays outside
# their loops: it must be able to speak when a loop hangs.
import _socket
import os
from collections.abc import Mapping

MICROSECONDS = 1_000_000


class Notifier:
    """Sends notifications to the service manager that started this process.

    :param environ: where NOTIFY_SOCKET and WATCHDOG_USEC are read from.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._pid = os.getpid()
        #: Seconds without WATCHDOG=1 after which systemd ends the service; 0.0 without a watchdog.
        self.watchdog = _watchdog(environ, self._pid)

    @property
    def listening(self) -> bool:
        """Whether somebody waits for notifications."""
        return self._address is not None

    def send(self, fields: Mapping[str, str]) -> None:
        """Send one notification; a no-op without a socket, and in a forked child.

        :param fields: notification variables, such as ``{"READY": "1"}``.
        :raises OSError: the socket is gone, or its reader is too far behind.
        """
        if self._address is None or not fields or os.getpid() != self._pid:
            return
        message = "\n".join(f"{key}={_line(value)}" for key, value in fields.items())
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
        try:
            sock.setblocking(False)
            sock.sendto(message.encode(), self._address)
        finally:
            sock.close()


def _address(name: str) -> str | bytes | None:
    """The socket's address; ``@`` marks Linux's abstract name space, whose names start with NUL."""
    if name.startswith("@"):
        return b"\0" + os.fsencode(name[1:])
    return name if name.startswith("/") else None


def _watchdog(environ: Mapping[str, str], pid: int) -> float:
    """WATCHDOG_USEC in seconds, when it is meant for this process (WATCHDOG_PID says which)."""
    usec, owner = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or owner not in ("", str(pid)):
        return 0.0
    return int(usec) / MICROSECONDS


def _line(value: str) -> str:
    """A value must not start a new line: it would be read as another variable."""
    return " ".join(value.split())
