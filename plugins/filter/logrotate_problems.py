# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.logrotate_problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils import logrotate

DOCUMENTATION = r"""
name: logrotate_problems
short_description: What is wrong with the rotation of logs that the inventory asks for
description:
  - Returns one line for each problem, with host, variable, value, what is wrong, and the fix.
  - Used by the preflight of the role P(celeryops.systemd.logrotate#role).
positional: host
options:
  _input:
    description:
      - The variables of the role without their prefix.
      - C(log_destination), C(frequency), C(keep), C(max_size).
    type: dict
    required: true
  host:
    description: The host that logs, C(inventory_hostname).
    type: str
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check what rotation is asked for
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    asked: {log_destination: file, frequency: daily, keep: 14, max_size: 100M}
    problems: "{{ asked | celeryops.systemd.logrotate_problems(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The problems; empty when all is well.
  type: list
  elements: str
"""


def logrotate_problems(asked: Mapping[str, Any], host: str) -> list[str]:
    """Return each problem as its message."""
    return [problem.text(host) for problem in logrotate.problems(asked)]


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"logrotate_problems": logrotate_problems}
