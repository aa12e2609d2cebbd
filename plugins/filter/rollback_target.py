# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.rollback_target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.rollout import rollback

DOCUMENTATION = r"""
name: rollback_target
short_description: The release that the fleet rolls back to
description:
  - It has to be on every host. Without a name it is the one before that which runs.
  - Rests on the facts of M(celeryops.systemd.host_facts), and on what M(celeryops.systemd.instance_info) saw,
    in C(__rollout_seen) of each host.
positional: hosts, wanted
options:
  _input:
    description: The variables of every host, C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts of the play, C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  wanted:
    description: The release that is asked for; empty for the one before.
    type: str
    default: ""
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Choose the release
  ansible.builtin.set_fact:
    rollback: "{{ hostvars | celeryops.systemd.rollback_target(ansible_play_hosts_all) }}"
"""

RETURN = r"""
_value:
  description: The C(release), and the C(problems) that stand against it.
  type: dict
"""


def rollback_target(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], wanted: str = ""
) -> dict[str, Any]:
    """Return the release and the problems."""
    release, problems = rollback.target({host: _kept(hostvars[host]) for host in hosts}, str(wanted))
    return {"release": release, "problems": problems}


def _kept(variables: Mapping[str, Any]) -> rollback.Kept:
    facts = variables["ansible_facts"]["celeryops"]
    running = {row["release"] for row in variables["__rollout_seen"]["instances"] if row["release"]}
    return rollback.Kept(facts["release"], facts["releases"], facts["deployed"], frozenset(running))


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"rollback_target": rollback_target}
