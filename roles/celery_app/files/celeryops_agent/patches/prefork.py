# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fix for a prefork worker that is told to stop just after it handed a task to a child."""

from __future__ import annotations

from typing import Any

from celery.concurrency.asynpool import AsynPool

from celeryops_agent.internals import Internal

INTERNALS = (
    Internal(
        "celery.concurrency.asynpool:AsynPool.flush",
        takes=("self",),
        uses=("_cache", "_accepted", "_write_to", "_is_alive", "_busy_workers"),
    ),
    Internal("billiard.pool:ApplyResult.__init__", uses=("_cache", "_accepted")),
)


def keep_handed_over() -> None:
    """Let a pool that empties its queues wait for tasks that a child has, also when it has not said so yet.

    Celery forgets a task that is not accepted when it stops or loses the broker, for the broker still has
    the message. But between the writing of a task to its child and the child's word that it took it, some
    milliseconds, or seconds on a busy host, the child runs it all the same, and its message goes back to the
    queue: the task runs twice (seen with celery 5.7.0, in early and late acks).

    Celery 5.5 forgets those that are accepted too: it does not hear that they end, and never acknowledges
    them.
    """
    if not hasattr(AsynPool, "flush") or hasattr(AsynPool.flush, "__wrapped__"):
        return
    flush = AsynPool.flush

    def flush_others(self: Any) -> None:
        handed_over = {
            key: job
            for key, job in self._cache.items()
            if not job._accepted and job._write_to is not None and job._write_to._is_alive()
        }
        accepted = {key: job for key, job in self._cache.items() if job._accepted}
        for key in handed_over:
            del self._cache[key]
        try:
            flush(self)  # type: ignore[no-untyped-call]
        finally:
            # Not those whose end was read meanwhile.
            running = {key: job for key, job in accepted.items() if not job.ready()}
            self._cache.update(handed_over | running)
            self._busy_workers.update(job._write_to.inqW_fd for job in handed_over.values())

    flush_others.__wrapped__ = flush  # type: ignore[attr-defined]
    AsynPool.flush = flush_others  # type: ignore[method-assign]
