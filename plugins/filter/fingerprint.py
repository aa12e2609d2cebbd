# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.fingerprint."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import release

DOCUMENTATION = r"""
name: fingerprint
short_description: What tells whether something is still the same, and nothing of what it is
description:
  - Returns O(known) where it was made of the same input, and else a new one.
  - It has a salt of its own, so that no secret of the input can be looked up by it.
positional: known
options:
  _input:
    description: What it is made of, as text.
    type: str
    required: true
  known:
    description: The fingerprint of an earlier run; empty where there is none.
    type: str
    default: ''
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Import the app with what changed
  ansible.builtin.include_tasks: import.yml
  when: known != wanted | to_json(sort_keys=true) | celeryops.systemd.fingerprint(known)
"""

RETURN = r"""
_value:
  description: Salt and hash.
  type: str
"""


def fingerprint(text: str, known: str = "") -> str:
    """Return the fingerprint."""
    return release.fingerprint(text, known)


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filter by its name."""
        return {"fingerprint": fingerprint}
