# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.visibility_timeout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils import checks

DOCUMENTATION = r"""
name: visibility_timeout
short_description: The visibility timeout that agrees with every time limit of the fleet
description:
  - The seconds after which a Redis broker delivers a message again that nobody acknowledged. A task that
    takes longer than that runs twice.
  - The operator's own, when it is set. Otherwise an hour, or the longest countdown and twice the longest stop
    of any queue (its hard limit and 30 seconds), when that is longer.
positional: timeouts
options:
  _input:
    description: The queues and what each needs, C(celery_worker_queues).
    type: dict
    required: true
  timeouts:
    description:
      - The fleet's timers in seconds, each of them optional.
      - C(time_limit), C(visibility_timeout) (V(0) derives it) and C(longest_countdown).
    type: dict
    default: {}
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Derive the visibility timeout of a fleet with long tasks
  ansible.builtin.debug:
    msg: "{{ {'video': {'time_limit': 7200}} | celeryops.systemd.visibility_timeout({'time_limit': 300}) }}"
# 14460
"""

RETURN = r"""
_value:
  description: The visibility timeout in seconds.
  type: int
"""


def visibility_timeout(queues: Mapping[str, Any], timeouts: Mapping[str, Any] | None = None) -> int:
    """Return the visibility timeout in seconds."""
    for name, value in {"queues": queues, "timeouts": timeouts or {}}.items():
        if not isinstance(value, Mapping):
            raise AnsibleFilterError(
                f"visibility_timeout: {name} must be a dictionary, not {type(value).__name__}"
            )
    return checks.visibility_timeout(queues, timeouts or {})


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., int]]:
        """Return the filter by its name."""
        return {"visibility_timeout": visibility_timeout}
