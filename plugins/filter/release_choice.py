# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.release_choice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars
from ansible_collections.celeryops.systemd.plugins.plugin_utils.rollout import rolled_back

DOCUMENTATION = r"""
name: release_choice
short_description: The release that a host is to run
description:
  - It is the inventory's, unless the fleet went back from that one. Then the host stays on what it runs,
    until the inventory gives another release, or the operator names this one with C(-e celery_app_release=),
    or deploys it.
positional: packed
options:
  _input:
    description: What M(celeryops.systemd.host_facts) says of the host, C(ansible_facts['celeryops']).
    type: dict
    required: true
  packed:
    description: The release that the inventory's source gives.
    type: str
    required: true
  deploys:
    description: Whether this run deploys, so that the packed release is what the operator asks for.
    type: bool
    default: false
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Name the release
  ansible.builtin.debug:
    msg: "{{ (ansible_facts['celeryops'] | celeryops.systemd.release_choice('3f2b8c1d9a04'))['release'] }}"
"""

RETURN = r"""
_value:
  description:
    - The C(release), a C(note) that says why it is not the inventory's, and C(forget), whether what the host
      remembers has ended.
  type: dict
"""


def release_choice(facts: Mapping[str, Any], packed: str, deploys: bool = False) -> dict[str, Any]:
    """Return the release for the host, and what to say about it."""
    named = deploys or str(load_extra_vars(DataLoader()).get("celery_app_release", "")) == packed
    return asdict(rolled_back.choose(packed, facts["release"], facts.get("rolled_back", ""), named))


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"release_choice": release_choice}
