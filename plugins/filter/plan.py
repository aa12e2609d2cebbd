# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of a host's plan and of what it becomes: their documentation stands beside, in <name>.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import (
    abandoned,
    changes,
    instance_files,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report import status


def leaving_queues(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    groups: Mapping[str, Sequence[str]],
    queues: Mapping[str, Any],
    report: Mapping[str, Any] | None = None,
    choice: str = "refuse",
) -> dict[str, Any]:
    """Return the queues, whom to ask, and the problems."""
    facts = {host: hostvars[host].get("ansible_facts", {}).get("celeryops", {}) for host in hosts}
    workers = {host: told.get("workers", ()) for host, told in facts.items()}
    leaving = abandoned.left(workers, groups, queues)
    answer = status.parse_report((report or {}).get("stdout", ""))
    return {
        "queues": list(leaving),
        "reporter": min(next(iter(leaving.values()))) if leaving and choice != "wait" else "",
        "problems": abandoned.problems(leaving, answer["queues"] if answer else None, choice),
    }


class FilterModule:
    """Names the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by their names."""
        return {
            "leaving_queues": leaving_queues,
            "limit_files": instance_files.limit_files,
            "plan_changes": changes.changes,
            "worker_service": instance_files.worker_service,
        }
