# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Just enough of the protocol of Redis to ask a few questions.

Source: the Redis serialization protocol, RESP2.
"""

from __future__ import annotations

import socket
from types import TracebackType

from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import (
    BrokerError,
    NotReadyError,
)


class RedisError(Exception):
    """An error reply of Redis; its first word says which."""


class RedisConnection:
    """A RESP2 conversation over a connected socket."""

    def __init__(self, connection: socket.socket) -> None:
        """Talk over ``connection``, which stays the caller's to close."""
        self._socket = connection
        self._file = connection.makefile("rb")

    def __enter__(self) -> RedisConnection:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the socket go."""
        self._file.close()

    def certificate(self) -> bytes:
        """Return what the server presented, as DER; only with TLS."""
        presented: bytes = self._socket.getpeercert(binary_form=True)  # type: ignore[attr-defined]
        return presented

    def call(self, *words: str) -> str:
        """Send one command and return its simple or bulk reply; an error reply raises RedisError."""
        self._send(*words)
        return self._reply()

    def rows(self, *words: str) -> list[str]:
        """Send one command and return its reply, a list of strings."""
        self._send(*words)
        return [self._reply() for _row in range(int(self._reply(b"*")))]

    def _send(self, *words: str) -> None:
        encoded = [word.encode() for word in words]
        self._socket.sendall(
            b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
        )

    def _reply(self, number: bytes = b":") -> str:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise NotReadyError("it closed the connection; look at its log")
        kind, text = line[:1], line[1:-2].decode(errors="replace")
        if kind == b"-":
            raise RedisError(text)
        if kind == b"$":
            return self._file.read(int(text) + 2)[:-2].decode(errors="replace")
        if kind in (b"+", number):
            return text
        raise BrokerError("what answers there is not Redis; fix the address or port")
