# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m celeryops_agent.report``: the fleet's nodes and queues as one JSON document.

It asks through the app that CELERYOPS_APP names, and ends within a few times its timeout.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from kombu.exceptions import OperationalError

from celeryops_agent.asked import answer_channel, loaded_app
from celeryops_agent.broker import bounded_connection
from celeryops_agent.waiting import dead_letters, queue_depths

#: The remote control command that workers with the agent answer; cheaper than Celery's stats and active.
COMMAND = "celeryops_report"


def ask_nodes(app: Any, connection: Any, timeout: float, expect: int | None) -> dict[str, dict[str, Any]]:
    """What each worker that answers in time says of itself, by node name.

    :param timeout: seconds to wait for answers.
    :param expect: stop waiting after so many; None waits for the whole time.
    """
    replies = app.control.broadcast(COMMAND, reply=True, connection=connection, timeout=timeout, limit=expect)
    return {node: answer for reply in replies or () for node, answer in reply.items()}


def report(app: Any, timeout: float, queues: Sequence[str] = (), expect: int | None = None) -> dict[str, Any]:
    """The nodes that answer and the depth of their queues.

    :param timeout: seconds for one step: to connect, to wait for answers.
    :param queues: further queues to count, such as those without a worker.
    :param expect: the number of nodes there should be, after which nobody waits.
    :raises kombu.exceptions.OperationalError: the broker does not answer.
    """
    with bounded_connection(app.connection_for_read, timeout) as connection:
        nodes = ask_nodes(app, connection, timeout, expect)
        consumed = {queue for node in nodes.values() for queue in node.pop("queues")}
        return {
            "nodes": dict(sorted(nodes.items())),
            "queues": queue_depths(connection, sorted(consumed.union(queues))),
            "dead_letters": dead_letters(connection),
        }


def main() -> int:
    """Print the report; 1 when the broker does not answer."""
    parser = argparse.ArgumentParser(prog="celeryops_agent.report", description="The fleet as JSON.")
    parser.add_argument("--timeout", type=float, default=2.0, help="seconds to wait for answers (2)")
    parser.add_argument("--expect", type=int, help="the number of nodes: do not wait when all answered")
    parser.add_argument("queues", nargs="*", help="queues to count besides those that are consumed")
    options = parser.parse_args()
    answer = answer_channel()
    try:
        document = report(loaded_app(), options.timeout, options.queues, options.expect)
    except OperationalError as exc:
        print(f"the broker does not answer: {exc}", file=sys.stderr)
        return 1
    answer(document)
    return 0


if __name__ == "__main__":
    sys.exit(main())
