# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.host_problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory import checks

DOCUMENTATION = r"""
name: host_problems
short_description: Why a host cannot run the fleet's units
description:
  - Returns one line for each problem. Checks that systemd runs the host and is 247 or newer, that its release
    is a supported one, and that its Python is 3.10 or newer.
  - Used by the preflight of the role P(celeryops.systemd.celery_host#role).
positional: host, releases
options:
  _input:
    description: The host's facts, C(ansible_facts), with those of M(celeryops.systemd.host_facts).
    type: dict
    required: true
  host:
    description: The host, C(inventory_hostname).
    type: str
    required: true
  releases:
    description: The supported versions of each distribution, as C(distribution) and its version spell them.
    type: dict
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check the host
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    releases: {Debian: ['12', '13'], Ubuntu: ['24.04']}
    problems: "{{ ansible_facts | celeryops.systemd.host_problems(inventory_hostname, releases) }}"
"""

RETURN = r"""
_value:
  description: The problems; empty when all is well.
  type: list
  elements: str
"""


def host_problems(facts: Mapping[str, Any], host: str, releases: Mapping[str, Sequence[str]]) -> list[str]:
    """Return each problem as its message."""
    for name, value in {"facts": facts, "releases": releases}.items():
        if not isinstance(value, Mapping):
            raise AnsibleFilterError(
                f"host_problems: {name} must be a dictionary, not {type(value).__name__}"
            )
    return [problem.text(host) for problem in checks.host_problems(facts, releases)]


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"host_problems": host_problems}
