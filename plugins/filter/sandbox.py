# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils import sandbox as sandboxes

DOCUMENTATION = r"""
name: sandbox
short_description: How closely systemd confines a service, as the lines of its unit
description:
  - C(strict) brings C(systemd-analyze security) to 1.1 or less for a service that talks to the network.
  - C(relaxed) leaves out what some apps cannot live with, such as the filter of system calls, the empty
    C(/dev), the read-only C(/opt) and the refusal of memory that is writable and executable.
positional: overrides
options:
  _input:
    description: The level, V(strict) or V(relaxed).
    type: str
    required: true
  overrides:
    description:
      - Directives that replace the level's, or come on top.
      - A boolean, a number, text, a list (a line for each item), or null to leave the directive out.
    type: dict
    default: {}
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Show the sandbox of an app with a JIT compiler that writes below /srv
  ansible.builtin.debug:
    msg: "{{ 'strict' | celeryops.systemd.sandbox(overrides) }}"
  vars:
    overrides:
      MemoryDenyWriteExecute: false
      ReadWritePaths: [/srv]
"""

RETURN = r"""
_value:
  description: The directives, ordered by key.
  type: list
  elements: str
"""


def sandbox(level: str, overrides: Mapping[str, sandboxes.Value] | None = None) -> list[str]:
    """Return the directives of the level with the operator's own."""
    if overrides is not None and not isinstance(overrides, Mapping):
        raise AnsibleFilterError(f"sandbox: overrides must be a dictionary, not {type(overrides).__name__}")
    try:
        return sandboxes.sandbox(level, overrides)
    except ValueError as error:
        raise AnsibleFilterError(f"sandbox: {error}") from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"sandbox": sandbox}
