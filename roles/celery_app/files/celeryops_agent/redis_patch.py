# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A Redis consumer that outlives a restart of Redis.

celery 5.7.0 closes the broken connection a second time (celery#10242), and a channel that still waits
for a BRPOP then reads from what is gone: AttributeError, and the worker exits with the ack of its
finished task unsent. Earlier and later versions do not need this.
"""

from __future__ import annotations

from typing import Any

import celery

#: The versions that crash.
AFFECTED = frozenset({"5.7.0"})


def forget_pending_reads(connection: Any, version: str = celery.__version__) -> None:
    """Let the channels of a broken Redis connection close without waiting for a reply.

    :param connection: the consumer's kombu connection; others than Redis are left alone.
    :param version: the version of Celery that runs.
    """
    if version not in AFFECTED or connection is None:
        return
    transport = connection.transport
    if transport.driver_type == "redis":
        for channel in list(transport.channels or ()):
            channel._in_poll = None
