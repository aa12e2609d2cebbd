# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""kombu's Redis transport, but a message is never off its queue without being noted as taken.

kombu pops with BRPOP, and notes in a second command. Here a script does both, and an idle channel waits
with a BLMOVE of a list's end onto itself, which takes nothing. Keys and messages stay kombu's, so plain
workers and producers share the queues. Who took a message is noted beside, so that what a dead process
held goes back when it is known to be dead.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from hashlib import sha1
from importlib import import_module
from queue import Empty
from time import monotonic, time
from typing import Any
from uuid import uuid4

import redis
from kombu import transport
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import dumps, loads

from celeryops_agent.broker import bounded_connection
from celeryops_agent.holder import TAKER_SEP, has_ended, own_name
from celeryops_agent.reliable_scripts import PUT_BACK, TAKE
from celeryops_agent.threads import Alarm, start_native_thread

#: Untyped, and so is what it brings.
kombu_redis: Any = import_module("kombu.transport.redis")
_Mixin: Any = object

logger = logging.getLogger("celeryops.agent")

#: Seconds that a process counts as alive without a sign of life, and between two signs.
LEASE, RENEWAL = 60, 10.0

#: Seconds between two looks for messages that nobody works on any more.
RECOVERY = 5.0

#: The most seconds to wait on one list; the others (of priorities, of other queues) are looked at after.
WAIT = 0.1

_taken: set[str] = set()  # delivery tags that this process has in hand
_takers: set[str] = set()  # its connections that take


def digest(script: str) -> str:
    """Return the name by which Redis knows a script."""
    return sha1(script.encode(), usedforsecurity=False).hexdigest()


class QoS(kombu_redis.QoS):  # type: ignore[misc]
    """Notes nothing that the script has noted, and forgets who holds what is done."""

    def append(self, message: Any, delivery_tag: str) -> None:
        """Note a message as unacknowledged, unless it is."""
        noted = self.channel.connection.noted
        if delivery_tag in noted:
            noted.discard(delivery_tag)
            super(kombu_redis.QoS, self).append(message, delivery_tag)
        else:
            super().append(message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        """Remove a message that is done."""
        super().ack(delivery_tag)
        _taken.discard(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Remove a message, or put it back."""
        super().reject(delivery_tag, requeue)
        _taken.discard(delivery_tag)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:
        """Put a message back."""
        super().restore_by_tag(tag, client, leftmost)
        _taken.discard(tag)

    def restore_visible(self, *args: Any, **kwargs: Any) -> None:
        """Put back what is unacknowledged for too long, and what dead processes held."""
        super().restore_visible(*args, **kwargs)
        self.channel.recover()

    def _remove_from_indices(self, delivery_tag: str, pipe: Any = None) -> Any:
        return super()._remove_from_indices(delivery_tag, pipe).hdel(self.channel.holders_key, delivery_tag)


class Reliable(_Mixin):  # type: ignore[misc]
    """What makes a kombu channel of Redis reliable; before the channel's class."""

    QoS = QoS

    #: None before the first consumer; False where the broker does not allow it.
    _allowed: bool | None = None
    _asked = ""  # for what the reply is outstanding: take, or wait
    _is_dry = False  # the last take found nothing
    _lists: tuple[str, ...] = ()
    _wait_on = ""
    _taker = ""
    _recovered_at = 0.0

    connection: Any
    connection_errors: Any

    @property
    def holders_key(self) -> str:
        """The hash of who holds each unacknowledged message."""
        return f"{self.unacked_key}_holders"

    def basic_consume(self: Any, queue: str, *args: Any, **kwargs: Any) -> Any:
        """Consume a queue; the first time, see whether the broker allows it this way."""
        if self._allowed is None and queue not in self._fanout_queues:
            self._allowed = self._prepare()
        return super().basic_consume(queue, *args, **kwargs)

    def lease(self: Any) -> None:
        """Tell the others that this process lives."""
        self._run("SET", self._lease_key(own_name()), "1", "EX", LEASE)

    def recover(self: Any) -> None:
        """Put back what dead processes held, and what this one was sent over a connection that broke."""
        if not self._allowed or monotonic() - self._recovered_at < RECOVERY:
            return
        self._recovered_at = monotonic()
        dead: dict[str, bool] = {}
        for tag, taker in self._held():
            name = taker.rpartition(TAKER_SEP)[0]
            if name == own_name():
                if taker not in _takers and tag not in _taken:
                    self._put_back(tag, taker)
                continue
            if name not in dead:
                dead[name] = has_ended(name) or not self._run("EXISTS", self._lease_key(name))
            if dead[name]:
                self._put_back(tag, taker)

    def drop_outstanding(self: Any) -> None:
        """Wait for no reply any more: what it may bring is noted, and goes back by :meth:`recover`."""
        self._in_poll = None
        self._renew_taker()

    def close(self: Any) -> None:
        """Close the channel."""
        super().close()
        _takers.discard(self._taker)

    def _prepare(self: Any) -> bool:
        self._renew_taker()
        try:
            self._load_scripts()
            self._run("EVALSHA", digest(TAKE), 4, *self._keys(), time(), self._taker)
            self._run("BLMOVE", *[self._key(self.holders_key + "_none")] * 2, "RIGHT", "RIGHT", 0.001)
            self._held()
            self.lease()
        except redis.exceptions.ResponseError as exc:
            logger.warning(
                "the broker does not allow to take a message and note it in one step (%s): a task that Redis"
                " hands out while the network or this worker breaks is lost",
                exc,
            )
            return False
        return True

    def _brpop_start(self: Any, timeout: float | None = None) -> None:
        if not self._allowed:
            super()._brpop_start(timeout)
            return
        queues = self._queue_cycle.consume(len(self.active_queues))
        if not queues:
            return
        if self._asked == "take":
            self._renew_taker()  # the reply to the last one never came
        self.recover()
        self._lists = tuple(self._q_for_pri(queue, pri) for pri in self.priority_steps for queue in queues)
        connection = self.client.connection
        self._in_poll = connection
        self._brpop_sent_at = monotonic()
        if self._is_dry:
            self._asked = "wait"
            waited = self._key(self._waited_list())
            connection.send_command("BLMOVE", waited, waited, "RIGHT", "RIGHT", WAIT)
        else:
            self._asked = "take"
            keys = [*self._keys(), *map(self._key, self._lists)]
            connection.send_command("EVALSHA", digest(TAKE), len(keys), *keys, time(), self._taker)

    def _brpop_read(self: Any, **options: Any) -> Any:
        if not self._allowed or not self._asked:
            return super()._brpop_read(**options)
        client, asked = self.client, self._asked
        try:
            try:
                reply = client.parse_response(client.connection, "EVALSHA", **options)
            except redis.exceptions.NoScriptError:  # a Redis that restarted, or another one
                self._load_scripts()
                raise Empty from None
            except self.connection_errors:
                self._renew_taker()
                client.connection.disconnect()
                raise
            self._is_dry = asked == "take" and not reply
            if asked == "wait" or not reply:
                raise Empty
        finally:
            self._asked = ""
            self._in_poll = None
            getattr(self, "_flush_brpop_reauth", lambda: None)()
        return self._deliver_taken(*reply)

    def _deliver_taken(self: Any, number: int, text: bytes, is_noted: int) -> bool:
        self._wait_on = self._lists[number]
        queue = self._wait_on.rsplit(self.sep, 1)[0]
        self._queue_cycle.rotate(queue)
        if not is_noted:
            self.unreadable(queue, text)
            return True
        message = loads(bytes_to_str(text))
        tag = message["properties"]["delivery_tag"]
        _taken.add(tag)
        self.connection.noted.add(tag)
        self.connection._deliver(message, queue)
        if tag in self.connection.noted:  # its consumer acknowledges nothing
            self.connection.noted.discard(tag)
            self.qos._remove_from_indices(tag).execute()
            _taken.discard(tag)
        return True

    def unreadable(self: Any, queue: str, text: bytes) -> None:
        """Take notice of what is no message of kombu's: the script has moved it out of the way.

        :param queue: where it was.
        :param text: what was there.
        """
        logger.error("%r in queue %s is no message: moved to %s", text[:200], queue, self._unreadable_key())

    def _restore(self: Any, message: Any, leftmost: bool = False) -> Any:
        # The holder first: a plain worker that takes it next does not note itself.
        self._run("HDEL", self._key(self.holders_key), message.delivery_tag)
        restored = super()._restore(message, leftmost)
        _taken.discard(message.delivery_tag)
        return restored

    def _renew_taker(self: Any) -> None:
        _takers.discard(self._taker)
        self._taker = f"{own_name()}{TAKER_SEP}{uuid4()}"
        _takers.add(self._taker)
        self._asked, self._is_dry = "", False

    def _waited_list(self: Any) -> str:
        """The list of the last message, or each in turn after one in vain."""
        lists = self._lists
        turn = self._wait_on if self._wait_on in lists else lists[0]
        self._wait_on = turn
        return str(turn)

    def _held(self: Any) -> list[tuple[str, str]]:
        """Each unacknowledged message's tag, and who took it."""
        held = self._run("HGETALL", self._key(self.holders_key))
        return [(bytes_to_str(tag), bytes_to_str(taker)) for tag, taker in held.items()]

    def _put_back(self: Any, tag: str, taker: str) -> None:
        note = self._run("HGET", self._key(self.unacked_key), tag)
        lists: list[str] = []
        text = ""
        if note:
            message, exchange, routing_key = loads(bytes_to_str(note))
            message["headers"]["redelivered"] = True
            message["properties"]["delivery_info"]["redelivered"] = True
            text = dumps(message)
            priority = self._get_message_priority(message, reverse=False)
            lists = [self._q_for_pri(queue, priority) for queue in self._lookup(exchange, routing_key)]
        keys = [*self._keys()[:3], *map(self._key, lists)]
        call = ("EVALSHA", digest(PUT_BACK), len(keys), *keys, tag, taker, note or "", text)
        try:
            put_back = self._run(*call)
        except redis.exceptions.NoScriptError:  # a Redis that restarted, or another one
            self._load_scripts()
            put_back = self._run(*call)
        if put_back:
            logger.warning("put back %s, which was held by %s", tag, taker)

    def _keys(self: Any) -> list[str]:
        names = (self.unacked_key, self.unacked_index_key, self.holders_key)
        return [*map(self._key, names), self._unreadable_key()]

    def _unreadable_key(self: Any) -> str:
        return str(self._key(f"{self.unacked_key}_unreadable"))

    def _lease_key(self: Any, name: str) -> str:
        return str(self._key(f"{self.unacked_key}_lease:{name}"))

    def _key(self: Any, name: str) -> str:
        return f"{self.global_keyprefix}{name}"

    def _load_scripts(self: Any) -> None:
        for script in (TAKE, PUT_BACK):
            self._run("SCRIPT", "LOAD", script)

    def _run(self: Any, *command: Any) -> Any:
        """Run a command whose keys have their prefix, aside from the connection that waits."""
        run: Any = redis.Redis.execute_command
        with self.conn_or_acquire() as client:
            return run(client, *command)


class Channel(Reliable, kombu_redis.Channel):  # type: ignore[misc]
    """A channel to one Redis."""


class SentinelChannel(Reliable, kombu_redis.SentinelChannel):  # type: ignore[misc]
    """A channel to the master that the sentinels name."""


class Transport(kombu_redis.Transport):  # type: ignore[misc]
    """kombu's, with channels that lose nothing."""

    Channel = Channel

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: Tags of messages that Redis has noted, on their way to their consumer.
        self.noted: set[str] = set()


class SentinelTransport(Transport, kombu_redis.SentinelTransport):  # type: ignore[misc]
    """The same behind sentinels."""

    default_port = kombu_redis.SentinelTransport.default_port
    Channel = SentinelChannel


def use_reliable_redis(connect: Callable[..., Any]) -> None:
    """Let this process consume from Redis through this transport, and show that it lives.

    :param connect: ``app.connection_for_read``.
    """
    here = __name__
    transport.TRANSPORT_ALIASES.update(
        redis=f"{here}:Transport", rediss=f"{here}:Transport", sentinel=f"{here}:SentinelTransport"
    )
    transport._transport_cache.clear()  # what the names meant until now
    start_native_thread(lambda: _renew(connect))


def _renew(connect: Callable[..., Any]) -> None:
    alarm = Alarm()
    while True:
        alarm.sleep(RENEWAL)
        try:
            with bounded_connection(connect) as connection, connection.channel() as channel:
                channel.lease()
        except Exception as exc:  # the broker is away: so nobody else recovers anything either
            logger.debug("no sign of life: %r", exc)
