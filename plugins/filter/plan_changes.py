# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.plan_changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import changes

DOCUMENTATION = r"""
name: plan_changes
short_description: What site.yml would do to the workers of a host
description:
  - Compares the files and units that a plan asks for with what M(celeryops.systemd.instance_info) saw on the
    host, or had seen when its facts were saved.
  - Knows of the numbers, the instances and the timers; not of what a new release or a new secret changes.
positional: units, timers, seen, traces
options:
  _input:
    description: The files that the plan asks for, as M(celeryops.systemd.managed_files) takes them.
    type: list
    elements: dict
    required: true
  units:
    description: The units that the plan asks for, as M(celeryops.systemd.units) takes them.
    type: list
    elements: dict
    required: true
  timers:
    description: The timers in seconds that the app's settings would hold.
    type: dict
    required: true
  seen:
    description: What M(celeryops.systemd.instance_info) returned, asked for the files too.
    type: dict
    required: true
  traces:
    description: The instances that left anything on the host, C(workers) of M(celeryops.systemd.host_facts).
    type: list
    elements: str
    default: []
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Say what would restart
  ansible.builtin.debug:
    msg: "{{ changes | selectattr('action', 'eq', 'restart') | map(attribute='name') }}"
  vars:
    changes: "{{ files | celeryops.systemd.plan_changes(units, timers, seen) }}"
"""

RETURN = r"""
_value:
  description:
    - The changes, by C(name) of the instance or shared file. C(action) is C(start), C(restart), C(stop),
      C(remove), C(enable) or C(write). C(why) is its reason.
    - C(numbers) lists what moves, as C(number), C(now) and C(planned).
  type: list
  elements: dict
"""


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[Any]]]:
        """Return the filter by its name."""
        return {"plan_changes": changes.changes}
