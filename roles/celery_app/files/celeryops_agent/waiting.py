# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How many messages wait in a queue, and for how long at least.

A Celery message does not say when it was sent, and neither does a Redis list. But a list is first in, first
out: while a message that an earlier look saw as the newest is still there, the oldest has waited at least
since then. Such messages are kept as marks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kombu.exceptions import ChannelError

#: Messages that were the newest of a Redis list: (when they were seen, what they are), the oldest first.
Marks = list[tuple[float, str]]

#: Where dead letters lie: the list on a Redis, after the key prefix, and the queue of RabbitMQ.
DEAD_LIST, DEAD_QUEUE = "celeryops.dead_letters", "dead-letters"

#: How many marks a list keeps, and how large a message may be to become one, in bytes.
MOST_MARKS, LARGEST_MARK = 16, 65536


def queue_depths(connection: Any, queues: Iterable[str]) -> dict[str, int]:
    """Messages that wait in each queue; a queue that the broker does not have is empty."""
    depths = {}
    for queue in queues:
        with connection.channel() as channel:  # RabbitMQ closes a channel that asks for what is not there
            if connection.transport.driver_type == "redis":
                depths[queue] = channel._size(queue)  # a passive declaration forgets global_keyprefix
                continue
            try:
                depths[queue] = channel.queue_declare(queue=queue, passive=True).message_count
            except ChannelError:
                depths[queue] = 0
    return depths


def dead_letters(connection: Any) -> int:
    """Messages that no worker could run and that are kept: on Redis by the agent, on RabbitMQ by itself."""
    if connection.transport.driver_type != "redis":
        return queue_depths(connection, [DEAD_QUEUE])[DEAD_QUEUE]
    with connection.channel() as channel, channel.conn_or_acquire() as client:
        return int(client.llen(DEAD_LIST))


def lists_of(channel: Any, queue: str) -> list[str]:
    """The Redis lists of a queue: one for each priority."""
    return [f"{channel.global_keyprefix}{channel._q_for_pri(queue, step)}" for step in channel.priority_steps]


def oldest(client: Any, key: str, marks: Marks, now: float) -> float:
    """Seconds that the oldest message of a Redis list has waited for at least.

    :param client: a Redis client.
    :param marks: those of earlier looks; brought up to date.
    :param now: the time of this look, on the clock of the earlier ones.
    :raises redis.exceptions.ResponseError: the server does not know LPOS (Redis 6.0.6), or forbids it.
    """
    # Searched from the end that is consumed: a mark that is left is near it.
    while marks and client.execute_command("LPOS", key, marks[0][1].encode("latin-1"), "RANK", -1) is None:
        del marks[0]
    newest = client.execute_command("LINDEX", key, 0) or b""
    text = newest.decode("latin-1")
    if 0 < len(text) <= LARGEST_MARK and (not marks or marks[-1][1] != text):
        marks.append((now, text))
    if len(marks) > MOST_MARKS:
        del marks[1::2]
    return now - marks[0][0] if marks else 0.0
