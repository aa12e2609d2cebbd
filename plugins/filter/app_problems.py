# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.app_problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible.utils.display import Display
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import celery_version
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory import checks

DOCUMENTATION = r"""
name: app_problems
short_description: What is wrong with the app and the fleet's timers
description:
  - Returns one line for each problem, with host, variable, value, what is wrong, and the fix.
  - Warns of timers that clash for some apps only.
  - Used by the preflight of the role P(celeryops.systemd.celery_app#role).
positional: host, source, timeouts, python, packages, pip_arguments
options:
  _input:
    description: What C(celery -A) takes, C(celery_app_target).
    type: str
    required: true
  host:
    description: The host, C(inventory_hostname).
    type: str
    required: true
  source:
    description: Where the app's code is, C(celery_app_source).
    type: dict
    required: true
  timeouts:
    description:
      - The fleet's timers in seconds, each of them optional.
      - C(soft_time_limit), C(time_limit), C(visibility_timeout) and C(consumer_timeout) (V(0) derives them),
        C(longest_countdown) and C(result_expires) (V(0) keeps results for ever).
      - And C(max_deliveries) of a task (V(0) without a bound), with the C(delivery_limit) of RabbitMQ.
    type: dict
    default: {}
  python:
    description: The Python on the hosts, C(celery_app_python).
    type: str
    default: python3
  packages:
    description: What is installed beside the app's own requirements, C(celery_app_packages).
    type: list
    elements: str
    default: []
  pip_arguments:
    description: Further arguments for pip, C(celery_app_pip_arguments).
    type: list
    elements: str
    default: []
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check the app
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    problems: >-
      {{ celery_app_target
         | celeryops.systemd.app_problems(inventory_hostname, celery_app_source, {'time_limit': 600}) }}
"""

RETURN = r"""
_value:
  description: The problems; empty when all is well.
  type: list
  elements: str
"""


def app_problems(
    target: object,
    host: str,
    source: object,
    timeouts: Mapping[str, Any] | None = None,
    python: object = "python3",
    packages: object = (),
    pip_arguments: object = (),
) -> list[str]:
    """Return each problem as its message."""
    if not isinstance(timeouts or {}, Mapping):
        raise AnsibleFilterError(
            f"app_problems: timeouts must be a dictionary, not {type(timeouts).__name__}"
        )
    for doubt in checks.app_doubts(timeouts or {}):
        Display().warning(doubt.text(host))
    problems = checks.app_problems(target, source, timeouts or {})
    problems += checks.python_problems(python) + celery_version.package_problems(packages)
    problems += checks.login_problems("celery_app_packages", packages)
    problems += checks.login_problems("celery_app_pip_arguments", pip_arguments)
    return [problem.text(host) for problem in problems]


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"app_problems": app_problems}
