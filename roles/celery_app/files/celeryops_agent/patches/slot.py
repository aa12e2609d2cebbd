# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A fix for pools of threads and greenlets: a slot is free again whatever its task raised, and where."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from billiard.einfo import ExceptionInfo

from celeryops_agent.internals import Internal

INTERNALS = (
    Internal("celery.concurrency.base:BasePool.apply_async", takes=("self", "target"), uses=("on_apply",)),
    Internal("celery.concurrency.base:apply_target", takes=("target", "args", "kwargs", "callback")),
    Internal("celery.worker.request:Request.on_failure", takes=("self", "exc_info")),
)

logger = logging.getLogger("celeryops.agent")


def answer_always(pool: Any) -> None:
    """Let a pool tell of an exception that Celery's own code around a task raised.

    A prefork child tells its main process. A thread or a greenlet keeps it to itself: the task counts as
    active for ever, its message is never acknowledged, and a few such messages stop the queue.

    :param pool: of the worker, before it gets a task.
    """
    on_apply = pool.on_apply
    if "prefork" in type(pool).__module__ or hasattr(on_apply, "__wrapped__"):
        return

    def apply_and_answer(target: Callable[..., Any], *args: Any, **options: Any) -> Any:
        on_failure = options.get("error_callback")

        def run(*task: Any, **more: Any) -> Any:
            try:
                return target(*task, **more)
            except Exception as exc:
                logger.error("Celery raised around a task, outside its code: %r", exc)
                if on_failure:
                    on_failure(ExceptionInfo())
                raise

        return on_apply(run, *args, **options)

    apply_and_answer.__wrapped__ = on_apply  # type: ignore[attr-defined]
    pool.on_apply = apply_and_answer
