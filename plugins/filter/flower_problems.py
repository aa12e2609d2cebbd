# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.flower_problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils import flower

DOCUMENTATION = r"""
name: flower_problems
short_description: What is wrong with the Flower that the inventory asks for
description:
  - Returns one line for each problem, with host, variable, value, what is wrong, and the fix.
  - Refuses a Flower that listens beyond loopback without a login.
  - Used by the preflight of the role P(celeryops.systemd.flower#role).
positional: host
options:
  _input:
    description:
      - The variables of the role without their prefix.
      - C(address), C(port), C(users), C(oauth), C(max_tasks), C(environment).
    type: dict
    required: true
  host:
    description: The host that runs Flower, C(inventory_hostname).
    type: str
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check that Flower is not open to the world
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    asked: {address: 0.0.0.0, port: 5555, users: {}, oauth: {}, max_tasks: 0, environment: {}}
    problems: "{{ asked | celeryops.systemd.flower_problems(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The problems; empty when all is well.
  type: list
  elements: str
"""


def flower_problems(asked: Mapping[str, Any], host: str) -> list[str]:
    """Return each problem as its message."""
    return [problem.text(host) for problem in flower.problems(asked)]


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"flower_problems": flower_problems}
