# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Just enough of the protocol of RabbitMQ to log in and ask one thing.

Source: sections 4.2 and 4.2.5 of the AMQP 0-9-1 specification.
"""

from __future__ import annotations

import socket
import struct

from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import (
    BrokerError,
    NotReadyError,
)

_AMQP_HEADER = b"AMQP\x00\x00\x09\x01"
_FRAME_HEAD = 7  # bytes: type, channel (2), size of the payload (4)
_CONNECTION_START = struct.pack(">HH", 10, 10)
_FRAME_END = b"\xce"
# With this a server says why it refuses a login, and does not just hang up.
_AUTH_CLOSE = "authentication_failure_close"


class AmqpRefusedError(Exception):
    """The server closed the connection or the channel, and said why."""

    def __init__(self, code: int, text: str) -> None:
        """Keep the reply code, and the server's words."""
        super().__init__(text)
        self.code = code


class AmqpConnection:
    """As much of an AMQP 0-9-1 conversation as logs in, opens a vhost, and asks one thing on a channel."""

    def __init__(self, connection: socket.socket) -> None:
        """Talk over ``connection``, which stays the caller's to close."""
        self._socket = connection
        self._stream = connection.makefile("rb")

    def greet(self) -> dict[str, str]:
        """Open the protocol; return what the server says of itself."""
        self._socket.sendall(_AMQP_HEADER)
        payload = self._frame()
        if payload[:4] != _CONNECTION_START:
            raise BrokerError("what answers there does not speak AMQP 0-9-1; fix the address or port")
        return _amqp_strings(payload[6:])

    def log_in(self, user: str, password: str, vhost: str) -> None:
        """Log in and open the vhost; AmqpRefusedError when it is refused."""
        capabilities = _table(_text("capabilities") + b"F" + _table(_text(_AUTH_CLOSE) + b"t\x01"))
        login = f"\0{user}\0{password}".encode()
        self._send(0, (10, 11), capabilities + _text("PLAIN") + _long_text(login) + _text("en_US"))
        tune = self._expect((10, 30))
        self._send(0, (10, 31), tune[:6] + b"\0\0")  # no heartbeat
        self._send(0, (10, 40), _text(vhost) + b"\0\0")
        self._expect((10, 41))

    def takes_global_qos(self) -> bool:
        """Tell whether a prefetch count may hold for a whole channel; nothing is left behind."""
        self._send(1, (20, 10), b"\0")
        self._expect((20, 11))
        self._send(1, (60, 10), struct.pack(">IHB", 0, 1, 1))
        try:
            self._expect((60, 11))
        except AmqpRefusedError:
            return False
        return True

    def close(self) -> None:
        """Say goodbye, so that the server's log has no warning."""
        self._send(0, (10, 50), struct.pack(">HB", 200, 0) + struct.pack(">HH", 0, 0))
        self._expect((10, 51))
        self._stream.close()

    def _send(self, channel: int, method: tuple[int, int], arguments: bytes) -> None:
        payload = struct.pack(">HH", *method) + arguments
        self._socket.sendall(struct.pack(">BHI", 1, channel, len(payload)) + payload + _FRAME_END)

    def _frame(self) -> bytes:
        head = self._stream.read(_FRAME_HEAD)
        payload = self._stream.read(int.from_bytes(head[3:], "big"))
        self._stream.read(1)
        return payload

    def _expect(self, method: tuple[int, int]) -> bytes:
        payload = self._frame()
        found = struct.unpack(">HH", payload[:4]) if payload else (0, 0)
        if found in ((10, 50), (20, 40)):
            code, length = struct.unpack(">HB", payload[4:7])
            raise AmqpRefusedError(code, payload[7 : 7 + length].decode(errors="replace"))
        if found != method:
            raise NotReadyError("it closed the connection; look at its log")
        return payload[4:]


def _text(text: str) -> bytes:
    """Return a short string."""
    return bytes([len(text.encode())]) + text.encode()


def _long_text(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


_table = _long_text


def _amqp_strings(data: bytes) -> dict[str, str]:
    """Return the plain strings of an AMQP table; what follows a value of another kind than these is left."""
    end = 4 + int.from_bytes(data[:4], "big")
    position, strings = 4, {}
    while position < end:
        name_end = position + 1 + data[position]
        name, kind = data[position + 1 : name_end].decode(), data[name_end : name_end + 1]
        if kind == b"t":
            position = name_end + 2
            continue
        if kind not in (b"S", b"F"):
            break
        start = name_end + 5
        position = start + int.from_bytes(data[name_end + 1 : start], "big")
        if kind == b"S":
            strings[name] = data[start:position].decode(errors="replace")
    return strings
