# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The units of one queue, for a restart of those alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .. import naming
from ..inventory.problems import Problem, did_you_mean

VARIABLE = "queue"


def units(
    seen: Mapping[str, Mapping[str, Any]], queue: str, queues: Collection[str]
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the units of the queue on each host, and why there are none.

    :param seen: what instance_info returned, by host.
    :param queue: the queue's name in celery_worker_queues; queues: all such names.
    """
    if queue not in queues:
        return {}, [_refusal(seen, queue, "no queue of celery_worker_queues", did_you_mean(queue, queues))]
    found = {
        host: [row["unit"] for row in look.get("instances", ()) if _is_of(row, queue)]
        for host, look in seen.items()
    }
    if not any(found.values()):
        fix = f"name hosts of {naming.group_of(queue)} in --limit, or leave it out"
        return {}, [_refusal(seen, queue, "none of the hosts has a worker of it", fix)]
    return found, []


def _is_of(row: Mapping[str, Any], queue: str) -> bool:
    try:
        return bool(row["node"]) and naming.split_instance(row["instance"])[0] == queue
    except ValueError:
        return False


def _refusal(seen: Mapping[str, object], queue: str, what: str, fix: str) -> str:
    return Problem(VARIABLE, queue, what, fix).text(min(seen, default="localhost"))
