# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.beat_problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.beat import options

DOCUMENTATION = r"""
name: beat_problems
short_description: Why the fleet's beat cannot be
description:
  - Returns one line for each problem, with host, variable, value, what is wrong, and the fix. The values of
    tasks' arguments are not shown.
  - Several hosts in C(celery_beat) need a scheduler that shares its schedule between them.
  - Used by the preflight of the role P(celeryops.systemd.celery_beat#role).
positional: host, groups, play_hosts
options:
  _input:
    description:
      - The role's variables without their prefix, C(scheduler), C(schedules), C(timezone), C(loop_interval)
        and C(lock_timeout).
      - With them C(broker_url) and C(app_settings), which are C(celery_app_broker_url) and
        C(celery_app_settings).
    type: dict
    required: true
  host:
    description: The host, C(inventory_hostname).
    type: str
    required: true
  groups:
    description: The inventory's groups, C(groups).
    type: dict
    required: true
  play_hosts:
    description: The hosts of the play, C(ansible_play_hosts_all), the first of which tells; else each does.
    type: list
    elements: str
    default: []
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check what beat is asked to be
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    asked:
      scheduler: redbeat.RedBeatScheduler
      schedules:
        digest: {task: shop.mail.digest, crontab: "30 6 * * mon-fri"}
      timezone: UTC
      loop_interval: 5
      lock_timeout: 20
    problems: "{{ asked | celeryops.systemd.beat_problems(inventory_hostname, groups) }}"
"""

RETURN = r"""
_value:
  description: The problems; empty when all is well.
  type: list
  elements: str
"""


def beat_problems(
    asked: Mapping[str, Any], host: str, groups: Mapping[str, Sequence[str]], play_hosts: Sequence[str] = ()
) -> list[str]:
    """Return each problem as its message."""
    if not isinstance(groups, Mapping):
        raise AnsibleFilterError(f"beat_problems: groups must be a dictionary, not {type(groups).__name__}")
    if play_hosts and play_hosts[0] != host:
        return []
    try:
        return [problem.text(host) for problem in options.problems(options.Asked(**asked), groups)]
    except TypeError as error:
        raise AnsibleFilterError(f"beat_problems: {error}") from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"beat_problems": beat_problems}
