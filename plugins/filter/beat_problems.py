# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.beat_problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils import checks

DOCUMENTATION = r"""
name: beat_problems
short_description: Why the fleet's beat cannot be
description:
  - Returns one line for each problem. Two hosts in C(celery_beat) would send every periodic task twice.
  - Used by the preflight of the role P(celeryops.systemd.celery_beat#role).
positional: host, play_hosts
options:
  _input:
    description: The inventory's groups, C(groups).
    type: dict
    required: true
  host:
    description: The host, C(inventory_hostname).
    type: str
    required: true
  play_hosts:
    description: The hosts of the play, C(ansible_play_hosts_all), the first of which tells; else each does.
    type: list
    elements: str
    default: []
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check that beat exists once
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ groups | celeryops.systemd.beat_problems(inventory_hostname, ansible_play_hosts_all) }}"
"""

RETURN = r"""
_value:
  description: The problems; empty when all is well.
  type: list
  elements: str
"""


def beat_problems(
    groups: Mapping[str, Sequence[str]], host: str, play_hosts: Sequence[str] = ()
) -> list[str]:
    """Return each problem as its message."""
    if not isinstance(groups, Mapping):
        raise AnsibleFilterError(f"beat_problems: groups must be a dictionary, not {type(groups).__name__}")
    if play_hosts and play_hosts[0] != host:
        return []
    return [problem.text(host) for problem in checks.beat_problems(groups)]


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"beat_problems": beat_problems}
