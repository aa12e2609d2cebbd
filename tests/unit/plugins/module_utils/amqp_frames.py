# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a RabbitMQ sends, as frames of AMQP 0-9-1."""

from __future__ import annotations

import struct


def amqp_frame(channel: int, class_id: int, method: int, arguments: bytes = b"") -> bytes:
    """Return a method frame of AMQP 0-9-1."""
    payload = struct.pack(">HH", class_id, method) + arguments
    return struct.pack(">BHI", 1, channel, len(payload)) + payload + b"\xce"


def amqp_start(version: bytes = b"4.1.2") -> bytes:
    """Return RabbitMQ's Connection.Start: a nested table, then product and version."""

    def text(name: bytes, value: bytes, kind: bytes = b"S") -> bytes:
        return bytes([len(name)]) + name + kind + len(value).to_bytes(4, "big") + value

    table = text(b"capabilities", b"\x04nackt\x01", b"F")
    table += text(b"product", b"RabbitMQ") + text(b"version", version)
    return amqp_frame(0, 10, 10, b"\x00\x09" + len(table).to_bytes(4, "big") + table)


def amqp_close(channel: int, code: int, words: str) -> bytes:
    """Return the frame with which a server closes a connection, or a channel, and says why."""
    text = struct.pack(">HB", code, len(words)) + words.encode() + bytes(4)
    return amqp_frame(channel, *((20, 40) if channel else (10, 50)), text)


TUNE = amqp_frame(0, 10, 30, bytes(8))
LOGGED_IN = TUNE + amqp_frame(0, 10, 41, b"\0")
LET_IN = LOGGED_IN + amqp_frame(1, 20, 11, bytes(4))
