# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.kept_releases."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.celeryops.systemd.plugins.plugin_utils import tree

DOCUMENTATION = r"""
name: kept_releases
short_description: The releases that stay on a host
description:
  - Returns the wanted release, the current one, and the newest of the others up to O(keep) in all.
positional: wanted, current, keep
options:
  _input:
    description: The complete releases, newest first, as M(celeryops.systemd.host_facts) reports them.
    type: list
    elements: str
    required: true
  wanted:
    description: The release that is to run.
    type: str
    required: true
  current:
    description: The release that ran until now; empty when none did.
    type: str
    required: true
  keep:
    description: How many to keep.
    type: int
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Show what stays
  ansible.builtin.debug:
    msg: "{{ ['c', 'b', 'a'] | celeryops.systemd.kept_releases('d', current='c', keep=3) }}"
"""

RETURN = r"""
_value:
  description: The releases that stay.
  type: list
  elements: str
  sample: [d, c, b]
"""


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"kept_releases": tree.kept_releases}
