# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.sandbox_problems."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.celeryops.systemd.plugins.plugin_utils import sandbox

DOCUMENTATION = r"""
name: sandbox_problems
short_description: What is wrong with the sandbox that a role is asked for
description:
  - Returns one line for each problem. An unknown level, a directive that systemd would ignore, a value that
    is none.
positional: host, role, level
options:
  _input:
    description: The overrides, C(<role>_sandbox_overrides).
    type: dict
    required: true
  host:
    description: The host, C(inventory_hostname).
    type: str
    required: true
  role:
    description: The role whose variables they are.
    type: str
    required: true
  level:
    description: The level, C(<role>_sandbox).
    type: str
    required: true
seealso:
  - plugin: celeryops.systemd.sandbox
    plugin_type: filter
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check the sandbox
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: >-
      {{ celery_worker_sandbox_overrides
         | celeryops.systemd.sandbox_problems(inventory_hostname, 'celery_worker', celery_worker_sandbox) }}
"""

RETURN = r"""
_value:
  description: The problems; empty when all is well.
  type: list
  elements: str
"""


def sandbox_problems(overrides: object, host: str, role: str, level: object) -> list[str]:
    """Return each problem as its message."""
    return [problem.text(host) for problem in sandbox.sandbox_problems(role, level, overrides)]


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"sandbox_problems": sandbox_problems}
