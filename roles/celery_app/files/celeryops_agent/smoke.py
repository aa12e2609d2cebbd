# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m celeryops_agent.smoke``: run one task on each of the named workers, and on no other.

Each worker consumes a queue of its own for the purpose, besides those that it has; the queue is gone after.
Without a worker's name the task runs in this process, as a rehearsal before any worker has the release.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import Any

from celery.backends.base import DisabledBackend
from celery.exceptions import TimeoutError as NoResult
from kombu.entity import Exchange, Queue
from kombu.exceptions import OperationalError

from celeryops_agent.asked import answer_channel, loaded_app
from celeryops_agent.broker import bounded_connection

#: Seconds that a worker has to answer a command; one whose only slot is busy answers late.
PATIENCE = 5.0


def queue_of(node: str) -> Queue:
    """The queue that only this worker consumes."""
    name = f"celeryops-smoke-{node}"
    return Queue(name, Exchange(name), routing_key=name)


class Smoke:
    """One task, sent to workers one by one.

    :param connection: to the broker.
    :param task: name of the task.
    :param timeout: seconds that the task may take, waiting for a free slot included.
    """

    def __init__(self, app: Any, connection: Any, task: str, timeout: float) -> None:
        self._app = app
        self._connection = connection
        self._task = task
        self._timeout = timeout

    def try_all(self, nodes: Iterable[str], args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, str]:
        """Return for each worker what is wrong with it; empty when the task ended well there."""
        queues = {node: queue_of(node) for node in nodes}
        sent = {node: self._send(queue, args, kwargs) for node, queue in queues.items()}
        deadline = monotonic() + self._timeout
        try:
            told = {node: self._tell("add_consumer", queue, node) for node, queue in queues.items()}
            return {
                node: self._outcome(result, deadline) if told[node] else "was not taken: it does not answer"
                for node, result in sent.items()
            }
        finally:
            for node, queue in queues.items():
                self._tell("cancel_consumer", queue, node)
                queue.bind(self._connection.default_channel).delete()
                sent[node].forget()

    def _send(self, queue: Queue, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        return self._app.send_task(
            self._task,
            args,
            kwargs,
            queue=queue,
            expires=self._timeout,
            ignore_result=False,
            connection=self._connection,
        )

    def _tell(self, command: str, queue: Queue, node: str) -> bool:
        replies = self._app.control.broadcast(
            command,
            arguments={"queue": queue.name},
            destination=[node],
            reply=True,
            limit=1,
            timeout=PATIENCE,
            connection=self._connection,
        )
        return bool(replies)

    def _outcome(self, result: Any, deadline: float) -> str:
        try:
            result.get(timeout=max(0.1, deadline - monotonic()), propagate=False)
        except NoResult:
            return f"did not end in {self._timeout:g} s"
        return judged(result)


def judged(result: Any) -> str:
    """Return what is wrong with a task that ended; empty when it ended well."""
    return "" if result.successful() else f"failed: {result.result!r}"


def rehearse(app: Any, task: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Run the task here, and return what is wrong with it; empty when it ended well."""
    if task not in app.tasks:
        return "is not known to the app"
    return judged(app.tasks[task].apply(args, kwargs))


def main() -> int:
    """Print what is wrong as JSON, by worker; 1 when something is, 2 when nothing could be sent."""
    parser = argparse.ArgumentParser(prog="celeryops_agent.smoke", description="One task on each worker.")
    parser.add_argument("--task", required=True, help="name of the task")
    parser.add_argument("--args", type=json.loads, default=[], help="its arguments, as a JSON list")
    parser.add_argument("--kwargs", type=json.loads, default={}, help="its named arguments, as JSON")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for the task to end (60)")
    parser.add_argument("nodes", nargs="*", help="Celery's names of the workers")
    options = parser.parse_args()
    answer = answer_channel()
    app = loaded_app()
    if not options.nodes:
        problem = rehearse(app, options.task, options.args, options.kwargs)
        answer({"rehearsal": problem})
        return 1 if problem else 0
    if isinstance(app.backend, DisabledBackend):
        print("the app has no result backend through which a task could tell how it ended", file=sys.stderr)
        return 2
    try:
        with bounded_connection(app.connection_for_write, PATIENCE) as connection:
            smoke = Smoke(app, connection, options.task, options.timeout)
            found = smoke.try_all(options.nodes, options.args, options.kwargs)
    except OperationalError as exc:
        print(f"the broker does not answer: {exc}", file=sys.stderr)
        return 2
    answer(found)
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
