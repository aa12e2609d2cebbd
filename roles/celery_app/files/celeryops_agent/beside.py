# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Room for other messages while one waits that came back, on RabbitMQ.

A quorum queue bounds what each consumer holds, and does not look again at the bound of one that consumes: a
worker of one slot would get nothing beside the message that waits. So it consumes a second time meanwhile.
"""

from __future__ import annotations

from typing import Any

from celeryops_agent.internals import Internal

INTERNALS = (
    Internal("kombu.messaging:Consumer._receive_callback", takes=("self", "message")),
    Internal("kombu.messaging:Consumer.connection"),
    Internal("kombu.entity:Queue.consume", takes=("self", "consumer_tag", "callback", "no_ack", "nowait")),
)

#: What the tag of the second consumer of a queue begins with.
TAG = "celeryops-beside-"


class Room:
    """The second consumer of each queue of a worker, and how many messages wait.

    Neither call waits for the broker's answer: both come from callbacks of its connection.
    """

    def __init__(self) -> None:
        self._channel: Any = None
        self._waiting = 0

    def open(self, tasks: Any) -> None:
        """Take others for one more that waits; the first of them begins to consume.

        :param tasks: the worker's kombu Consumer.
        """
        if tasks is None or tasks.connection.transport.driver_type != "amqp":
            return
        if tasks.channel is not self._channel:  # a new connection has nothing that waits
            self._channel, self._waiting = tasks.channel, 0
        self._waiting += 1
        if self._waiting == 1:
            for queue in tasks.queues:
                queue.consume(TAG + queue.name, tasks._receive_callback, no_ack=False, nowait=True)

    def close(self, tasks: Any) -> None:
        """One of them waits no more; after the last the second consumer ends, and keeps what it has."""
        if tasks.channel is not self._channel:
            return
        self._waiting -= 1
        if not self._waiting:
            for queue in tasks.queues:
                tasks.channel.basic_cancel(TAG + queue.name, nowait=True)
