# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.fleet_plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report import plan_tables

DOCUMENTATION = r"""
name: fleet_plan
short_description: The plans of all hosts as tables and as one document
description:
  - Gathers what each host keeps of its plan, of the problems that keep it from one, and of what would change.
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
  outlook:
    description:
      - Name of the variable in which each host keeps its C(plan), C(problems), C(changes), and C(known), what
        it was planned from. A host without it is one of which nothing is known.
    type: str
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Show the fleet's plan
  celeryops.systemd.table:
    rows: "{{ fleet['rows'] }}"
    notes: "{{ fleet['notes'] }}"
    columns: [{key: host, merge: true}, {key: instance}, {key: slots}, {key: max}, {key: then}]
  vars:
    fleet: "{{ hostvars | celeryops.systemd.fleet_plan(groups['celery'], outlook='outlook') }}"
"""

RETURN = r"""
_value:
  description:
    - C(rows) of the plan, C(changes), rows of the numbers that move, C(notes) and C(whys), lines to print.
    - C(document), all of it for programs; C(known), what the hosts were planned from; C(problems), lines.
  type: dict
"""


def fleet_plan(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], outlook: str
) -> dict[str, Any]:
    """Return the fleet's tables and document; hosts that are no hosts are an Ansible error."""
    if isinstance(hosts, str) or not isinstance(hosts, Sequence):
        raise AnsibleFilterError(f"fleet_plan: hosts = {hosts}: give a list of hosts")
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


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"fleet_plan": fleet_plan}
