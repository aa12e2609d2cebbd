# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.settings_problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import settings
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.environment import environment_problems

DOCUMENTATION = r"""
name: settings_problems
short_description: What is wrong with the operator's Celery settings and environment variables
description:
  - Returns one line for each problem, with host, variable, value, what is wrong, and the fix. Values of
    environment variables are not shown.
  - Used by the preflight of the role P(celeryops.systemd.celery_app#role).
positional: host, environment, foreign
options:
  _input:
    description: The operator's settings, C(celery_app_settings).
    type: dict
    required: true
  host:
    description: The host, C(inventory_hostname).
    type: str
    required: true
  environment:
    description: The operator's environment variables, C(celery_app_environment).
    type: dict
    default: {}
  foreign:
    description: Names of settings that the app's own code reads, C(celery_app_foreign_settings).
    type: list
    elements: str
    default: []
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check the settings
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: "{{ celery_app_settings | celeryops.systemd.settings_problems(inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The problems; empty when all is well.
  type: list
  elements: str
"""


def settings_problems(
    overrides: Any, host: str, environment: Mapping[str, Any] | None = None, foreign: Sequence[str] = ()
) -> list[str]:
    """Return each problem as its message."""
    found = settings.settings_problems(overrides, foreign) + environment_problems(environment or {})
    return [problem.text(host) for problem in found]


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"settings_problems": settings_problems}
