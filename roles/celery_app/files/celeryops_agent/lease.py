# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The right to send periodic tasks: one beat of the fleet has it, for some seconds at a time.

It is a key with a time to live, in the Redis that beat cannot do without anyway: the broker, or where
RedBeat keeps its schedule. So while the lock cannot be asked for, nothing could be sent either: it makes beat
no less available. Its form is that of redis-py's lock, and so of RedBeat's own: the key holds a token of its
owner.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from enum import Enum
from typing import Any

from celery.utils.time import maybe_make_aware
from kombu.exceptions import OperationalError

from celeryops_agent.broker import bounded_connection

#: Take the lock when it is free, and prolong it when it is ours. Tells who has it then.
HOLD = """
local owner = redis.call('get', KEYS[1])
if owner and owner ~= ARGV[1] then return owner end
redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[2])
return ARGV[1]
"""

#: Claim one tick of one entry, if the lock is ours: in one step, for a process may be frozen between any two.
#: A tick is named by its entry and when that ran last; the newest one claimed is remembered. The second key
#: is made here because kombu's key prefix knows of one.
CLAIM = """
if redis.call('get', KEYS[1]) ~= ARGV[1] then return 'lost' end
local ticks = KEYS[1] .. ':ticks'
local claimed = redis.call('hget', ticks, ARGV[2])
if claimed and tonumber(claimed) >= tonumber(ARGV[3]) then return 'taken' end
redis.call('hset', ticks, ARGV[2], ARGV[3])
return 'ours'
"""

RELEASE = """
if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end
"""

MICROSECONDS = 1_000_000


class Claim(Enum):
    """What came of the attempt to claim a tick."""

    OURS = "ours"
    TAKEN = "taken"  # another beat sends it, or has sent it
    LOST = "lost"  # the lock is no longer ours


class Lease:
    """The lock as one beat sees it. Every method raises :attr:`errors` when Redis does not serve it.

    :param connect: gives a fresh client of Redis, and what closes it.
    :param key: name of the lock.
    :param seconds: how long the lock is ours without being asked for again.
    """

    def __init__(
        self, connect: Callable[[], tuple[Any, Callable[[], None]]], key: str, seconds: float
    ) -> None:
        from redis.exceptions import RedisError  # noqa: PLC0415 - a fleet on RabbitMQ may not have it

        self.errors: tuple[type[Exception], ...] = (RedisError, OSError, OperationalError)
        self._connect = connect
        self._key = key
        self._milliseconds = int(seconds * 1000)
        self._token = f"{socket.gethostname()} {secrets.token_hex(8)}"
        self._client: Any = None
        self._close: Callable[[], None] = lambda: None

    def hold(self) -> str:
        """Take or prolong the lock; the name of who has it instead, empty when it is ours."""
        owner = self._run(HOLD, self._milliseconds)
        host, _space, rest = owner.partition(" ")
        return "" if owner == self._token else host if rest else "another beat"

    def claim(self, entry: str, last_run_at: datetime | None) -> Claim:
        """Claim the tick of an entry that last ran at a time; one that never ran is not told apart."""
        ran = 0.0 if last_run_at is None else maybe_make_aware(last_run_at).timestamp()
        if not ran:
            return Claim.LOST if self.hold() else Claim.OURS
        return Claim(self._run(CLAIM, entry, round(ran * MICROSECONDS)))

    def release(self) -> None:
        """Let go of the lock. Safe in a signal handler: it uses a connection of its own."""
        client, close = self._connect()
        try:
            client.register_script(RELEASE)(keys=[self._key], args=[self._token])
        finally:
            close()

    def _run(self, script: str, *arguments: object) -> str:
        try:
            if self._client is None:
                self._client, self._close = self._connect()
            answer = self._client.register_script(script)(keys=[self._key], args=[self._token, *arguments])
        except self.errors:
            self._client = None
            with suppress(Exception):
                self._close()
            raise
        return answer.decode() if isinstance(answer, bytes) else str(answer)


def broker_lease(app: Any, seconds: float, target: str) -> Lease | None:
    """The lease that lives in the app's broker; None when that is no Redis.

    :param target: the app, so that two that share a Redis do not wait for each other.
    """
    if app.connection_for_write().transport.driver_type != "redis":
        return None

    def connect() -> tuple[Any, Callable[[], None]]:
        connection = bounded_connection(app.connection_for_write)
        return connection.default_channel.client, connection.release

    return Lease(connect, f"celeryops:beat:{target}:lock", seconds)
