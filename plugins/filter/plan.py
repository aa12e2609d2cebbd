# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of a host's plan and of what it becomes: their documentation stands beside, in <name>.yml."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.utils.display import Display
from ansible_collections.celeryops.systemd.plugins.plugin_utils import given
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import (
    abandoned,
    changes,
    instance_files,
    planning,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report import status


def concurrency(spec: Mapping[str, Any], cores: float, memory_mb: int) -> int:
    """Return the concurrency of one instance; a wrong spec or too little memory is a PlanError."""
    for name, value in {"cores": cores, "memory_mb": memory_mb}.items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
            raise TypeError(f"{name} must be a number above 0, not {value!r}")
    return planning.concurrency(spec, cores, int(memory_mb))


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


def worker_plan(
    queues: Mapping[str, Any],
    host: str,
    groups: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
) -> planning.HostPlan:
    """Return the plan of a host; what cannot be planned is a PlanError."""
    given.dictionaries(queues=queues, groups=groups, facts=facts, defaults=defaults or {})
    planned = planning.worker_plan(queues, host, groups, facts, defaults or {})
    for warning in planned["warnings"]:
        Display().warning(warning)
    return planned


class FilterModule:
    """Names the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by their names."""
        return {
            "concurrency": concurrency,
            "leaving_queues": leaving_queues,
            "limit_files": instance_files.limit_files,
            "plan_changes": changes.changes,
            "worker_plan": worker_plan,
            "worker_service": instance_files.worker_service,
        }
