# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.status_table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report import state, status

DOCUMENTATION = r"""
name: status_table
short_description: The rows and notes of the fleet's status
description:
  - Joins what M(celeryops.systemd.instance_info) found on each host with what the workers report.
  - Without a report the rows hold what systemd knows, and a note says why the rest is missing.
positional: hosts
options:
  _input:
    description: The variables of every host, C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts to show, in order.
    type: list
    elements: str
    required: true
  seen:
    description: Name of the variable in which each host keeps the result of the module.
    type: str
    required: true
  report:
    description: The result of the command that asked the workers; not given before they are asked.
    type: dict
  groups:
    description: The inventory's groups, C(groups), which say what should run where.
    type: dict
    default: {}
  queues:
    description: The queues of the inventory, C(celery_worker_queues).
    type: dict
    default: {}
  packages:
    description: What is installed beside the app, C(celery_app_packages); it decides the pool V(auto).
    type: list
    elements: str
    default: []
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Print the status
  celeryops.systemd.table:
    rows: "{{ status['rows'] }}"
    notes: "{{ status['notes'] }}"
    columns: [{key: host, merge: true}, {key: instance}, {key: state}]
  vars:
    status: "{{ hostvars | celeryops.systemd.status_table(groups['celery'], seen='seen', report=asked) }}"
"""

RETURN = r"""
_value:
  description:
    - The C(rows), the C(notes), and the C(reporter), the host from which the workers can be asked; null
      without any.
    - C(state) is V(well), V(degraded) where something that should run does not, V(unserved) where nobody
      consumes a queue; C(reasons) say why, and C(document) is all of it for programs.
  type: dict
"""


def status_table(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    seen: str,
    report: Mapping[str, Any] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    queues: Mapping[str, Any] | None = None,
    packages: Sequence[str] = (),
) -> dict[str, Any]:
    """Return rows, notes, reporter and state; hosts that are no hosts are an Ansible error."""
    if isinstance(hosts, str) or not isinstance(hosts, Sequence):
        raise AnsibleFilterError(f"status_table: hosts = {hosts}: give a list of hosts")
    found = {host: hostvars[host].get(seen) or {} for host in hosts}
    asked = report or {}
    answer = status.parse_report(asked.get("stdout", ""))
    problem = (asked.get("stderr") or asked.get("msg") or "").strip().splitlines()
    wanted = state.Wanted(hosts, groups or {}, queues or {}, packages)
    lacking, unserved = state.lacks(wanted, found), state.unserved(wanted, found)
    rows = status.rows_of(found, answer)
    notes = status.notes_of(found, answer, problem[-1] if problem else "", lacking, unserved)
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
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"status_table": status_table}
