# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters that tell of the fleet: their documentation stands beside, in <name>.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils import given
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import measure
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report import plan_tables, state, status

Hostvars = Mapping[str, Mapping[str, Any]]


def fleet_plan(hostvars: Hostvars, hosts: Sequence[str], outlook: str) -> dict[str, Any]:
    """Return the fleet's tables and document."""
    given.lists(hosts=hosts)
    kept = {host: hostvars[host][outlook] for host in hosts if hostvars[host].get(outlook)}
    unknown = [host for host in hosts if host not in kept]
    outlooks: dict[str, plan_tables.Outlook] = {
        host: plan_tables.Outlook(plan=one["plan"] or None, problems=one["problems"], changes=one["changes"])
        for host, one in kept.items()
    }
    silent = [{"host": host, "instance": "not known"} for host in unknown]
    return {
        "rows": [*plan_tables.rows_of(outlooks), *silent],
        "changes": list(plan_tables.change_rows_of(outlooks)),
        "notes": plan_tables.notes_of(outlooks, unknown),
        "whys": plan_tables.whys_of(outlooks),
        "document": {"hosts": outlooks, "unknown": unknown, "totals": plan_tables.totals_of(outlooks)},
        "known": {"hosts": {host: one["known"] for host, one in kept.items()}},
        "problems": [problem for one in outlooks.values() for problem in one["problems"]],
    }


def memory_advice(
    hostvars: Hostvars,
    queues: Mapping[str, Any],
    hosts: Sequence[str],
    found: str,
    report: Mapping[str, Any] | None = None,
    min_tasks: int = measure.MIN_TASKS,
    min_uptime: int = measure.MIN_UPTIME,
) -> dict[str, Any]:
    """Return rows, notes and queues."""
    given.dictionaries(celery_worker_queues=queues)
    given.dictionaries(**{f"celery_worker_queues.{name}": raw or {} for name, raw in queues.items()})
    given.lists(hosts=hosts)
    seen = {host: hostvars[host].get(found) or {} for host in hosts}
    answer = status.parse_report((report or {}).get("stdout", "")) or {"nodes": {}}
    advice = measure.measured(queues, seen, answer["nodes"], int(min_tasks), int(min_uptime))
    return {**advice, "reporter": status.reporter(seen)}


def status_table(
    hostvars: Hostvars,
    hosts: Sequence[str],
    seen: str,
    report: Mapping[str, Any] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    queues: Mapping[str, Any] | None = None,
    packages: Sequence[str] = (),
    foreign: Sequence[str] = (),
) -> dict[str, Any]:
    """Return rows, notes, reporter and state."""
    given.lists(hosts=hosts, foreign=foreign)
    found = {host: hostvars[host].get(seen) or {} for host in hosts}
    asked = report or {}
    answer = status.parse_report(asked.get("stdout", ""))
    problem = (asked.get("stderr") or asked.get("msg") or "").strip().splitlines()
    wanted = state.Wanted(hosts, groups or {}, queues or {}, packages)
    lacking, unserved = state.lacks(wanted, found), state.unserved(wanted, found)
    rows = status.rows_of(found, answer)
    notes = status.notes_of(found, answer, problem[-1] if problem else "", lacking, unserved, foreign)
    said, reasons = state.judge(wanted, found)
    document = {
        "state": said,
        "unserved": unserved,
        "missing": [asdict(lack) for lack in lacking],
        "notes": notes,
        "rows": rows,
        "queues": (answer or {}).get("queues"),
    }
    return {
        "rows": rows,
        "notes": notes,
        "reporter": status.reporter(found),
        "state": said,
        "reasons": reasons,
        "document": document,
    }


class FilterModule:
    """Names the filters."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filters by their names."""
        return {"fleet_plan": fleet_plan, "memory_advice": memory_advice, "status_table": status_table}
