# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixes for a consumer whose Redis restarts or falls silent, applied from outside."""

from __future__ import annotations

import logging
from functools import wraps
from time import monotonic
from typing import Any

from kombu.utils.eventio import READ, poll

from celeryops_agent.internals import Internal
from celeryops_agent.patches.kept import keep

logger = logging.getLogger("celeryops.agent")

INTERNALS = (
    Internal("kombu.transport.redis:Channel._in_poll"),
    Internal("kombu.transport.redis:Channel._pool"),
    Internal("kombu.transport.redis:Channel._brpop_start", uses=("_in_poll",)),
    Internal("kombu.transport.redis:MultiChannelPoller.__init__", uses=("_channels",)),
)

#: Seconds to wait for a reply. A Redis that lives replies to a BRPOP of kombu's within one.
REPLY_TIMEOUT = 2.0


#: Seconds after which Redis replies to a BRPOP of kombu's, work or not.
BRPOP_TIMEOUT = 1.0


def settle_pending_reads(connection: Any) -> None:
    """Leave no channel of a broken Redis connection waiting for a reply.

    Often only one of its sockets is broken, and kombu drops a message that comes through another while it
    closes the channel: it is kept, to go back.

    celery 5.7.0 closes the broken connection a second time (celery#10242). A channel that still waits for
    the reply to a BRPOP then reads from what is gone: AttributeError, and the worker exits with the ack
    of its finished task unsent.

    :param connection: the consumer's kombu connection; others than Redis are left alone.
    """
    if connection is None:
        return
    transport = connection.transport
    if transport.driver_type == "redis":
        for channel in list(transport.channels or ()):
            if getattr(channel, "_allowed", False):
                channel.drop_outstanding()
            elif channel._in_poll:
                _settle(channel)


def _settle(channel: Any) -> None:
    try:
        channel._in_poll._sock.settimeout(REPLY_TIMEOUT)
        reply = channel.client.parse_response(channel.client.connection, "BRPOP")
        if reply:
            keep(channel, *reply)
    except Exception as exc:
        logger.info("no reply to the last BRPOP of a broken connection: %r", exc)
    finally:
        channel._in_poll = None


def drop_stale_together(connection: Any) -> None:
    """Let the connections of a channel go together when the one that waits for work is found dead.

    kombu replaces that one alone, takes a message through it, and then loses the message when it writes
    it down in ``unacked`` over another connection, as dead as the first.

    :param connection: a kombu connection that is established; others than Redis are left alone.
    """
    cycle: Any = getattr(connection.transport, "cycle", None)
    check = getattr(cycle, "maybe_check_brpop_health", None)
    if check is None:  # another transport, or a kombu before 5.7, which does not check
        return

    def check_and_drop() -> None:
        waiting = [channel for channel in cycle._channels if channel._in_poll]
        check()
        for channel in waiting:
            if not channel._in_poll and channel._pool is not None:
                channel._pool.disconnect()

    cycle.maybe_check_brpop_health = check_and_drop


def stamp_reads(connection: Any) -> None:
    """Let a kombu before 5.7 note when it last asked for work, as the later ones do.

    :param connection: a kombu connection; others than Redis are left alone.
    """
    if connection.transport.driver_type != "redis":
        return
    channel = connection.transport.Channel
    if hasattr(channel, "_brpop_sent_at"):
        return
    start = channel._brpop_start

    @wraps(start)
    def start_and_stamp(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = start(self, *args, **kwargs)
        if self._in_poll:
            self._brpop_sent_at = monotonic()
        return result

    channel._brpop_start, channel._brpop_sent_at = start_and_stamp, None


def drop_overdue_reads(connection: Any, by_hub: bool) -> None:
    """Drop the connections of a channel that gets no reply to a BRPOP; kombu 5.7 does so by itself.

    :param connection: the consumer's kombu connection, or None; others than Redis are left alone.
    :param by_hub: whether kombu's event loop polls; it would not poll the new connection of an older kombu.
    :raises ConnectionResetError: they were dropped, and the consumer is to connect anew.
    """
    cycle: Any = getattr(connection and connection.transport, "cycle", None)
    if (
        cycle is None
        or connection.transport.driver_type != "redis"
        or hasattr(cycle, "maybe_check_brpop_health")
    ):
        return
    for channel in list(cycle._channels):
        reading = channel._in_poll
        if not reading or channel._brpop_sent_at is None:
            continue
        waited = monotonic() - channel._brpop_sent_at
        if waited < BRPOP_TIMEOUT + channel.health_check_interval or _readable(reading._sock):
            continue
        channel._pool.disconnect()
        reading.disconnect()
        if by_hub:
            channel._in_poll = None  # nobody waits for its reply as the consumer closes it
            raise ConnectionResetError(f"Redis did not reply to a BRPOP for {waited:.0f} s")


def _readable(sock: Any) -> bool:
    """Whether there is something to read, which stays unread; others see to what has lost its socket."""
    if sock is None:
        return True
    poller = poll()
    try:
        poller.register(sock, READ)
        return bool(poller.poll(0))
    finally:
        poller.close()
