# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.limit_files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import instance_files

DOCUMENTATION = r"""
name: limit_files
short_description: celery.slice and the drop-in with the bounds of each instance
description:
  - Turns a plan into files as M(celeryops.systemd.managed_files) takes them.
options:
  _input:
    description: The plan of a host, see P(celeryops.systemd.worker_plan#filter).
    type: dict
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Bound the instances
  celeryops.systemd.managed_files:
    files: "{{ plan | celeryops.systemd.limit_files }}"
"""

RETURN = r"""
_value:
  description: The files.
  type: list
  elements: dict
"""


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[dict[str, Any]]]]:
        """Return the filter by its name."""
        return {"limit_files": instance_files.limit_files}
