# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.release_files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import release

DOCUMENTATION = r"""
name: release_files
short_description: The releases that stay on a host, and the link to the one that runs
description:
  - Returns entries for the O(celeryops.systemd.managed_files#module:files) with the link C(current), which is
    switched in one step, and with the release directories that stay. What is not listed may be pruned.
  - The wanted release is marked as one that the fleet has run, to which a rollback may go.
  - The wanted release stays, the one that ran until now, and the newest of the others.
positional: wanted, keep
options:
  _input:
    description: The facts of M(celeryops.systemd.host_facts).
    type: dict
    required: true
  wanted:
    description: The release that is to run.
    type: str
    required: true
  keep:
    description: How many releases to keep.
    type: int
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Switch to a release, and forget old ones
  celeryops.systemd.managed_files:
    files: "{{ ansible_facts['celeryops'] | celeryops.systemd.release_files('3f2b8c1d9a04', keep=5) }}"
    prune: ['/opt/celery/releases/[!.]*']
"""

RETURN = r"""
_value:
  description: The entries, the link last.
  type: list
  elements: dict
"""


def release_files(facts: Mapping[str, Any], wanted: str, keep: int) -> Sequence[Mapping[str, str]]:
    """Return the entries; a number from the command line is a word."""
    return release.release_files(facts["releases"], wanted, facts["release"], int(keep))


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., Sequence[Mapping[str, str]]]]:
        """Return the filter by its name."""
        return {"release_files": release_files}
