# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.environment_file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import environment

DOCUMENTATION = r"""
name: environment_file
short_description: Environment variables as a file that systemd reads
description:
  - Quotes and escapes the values such that a unit with C(EnvironmentFile=) sees exactly them.
  - Booleans become C(true) and C(false). A null leaves the variable out.
options:
  _input:
    description: The variables.
    type: dict
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Show a file
  ansible.builtin.debug:
    msg: "{{ {'GREETING': 'say \"hello\"', 'DEBUG': false} | celeryops.systemd.environment_file }}"
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
"""


def environment_file(variables: Mapping[str, Any]) -> str:
    """Return the file's text; what systemd would refuse is an Ansible error."""
    if not isinstance(variables, Mapping):
        raise AnsibleFilterError(f"environment_file: wants a mapping, not {type(variables).__name__}")
    try:
        return environment.environment_file(variables)
    except ValueError as error:
        raise AnsibleFilterError(f"environment_file: {error}") from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filter by its name."""
        return {"environment_file": environment_file}
