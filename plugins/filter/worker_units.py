# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.worker_units."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import instance_files

DOCUMENTATION = r"""
name: worker_units
short_description: The wanted units of a host's instances
description:
  - Turns the instances of a plan into units as M(celeryops.systemd.units) takes them, each with the files
    that it reads when it starts.
  - On a host that was drained they are stopped, and do not start with it.
positional: inputs
options:
  _input:
    description: The instances of a plan, see P(celeryops.systemd.worker_plan#filter).
    type: list
    elements: dict
    required: true
  inputs:
    description: The files that every instance reads when it starts, besides its own.
    type: list
    elements: str
    required: true
  drained:
    description: Whether the host is out for maintenance.
    type: bool
    default: false
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Run the instances
  celeryops.systemd.units:
    units: "{{ plan['instances'] | celeryops.systemd.worker_units(['/opt/celery/current']) }}"
"""

RETURN = r"""
_value:
  description: The units.
  type: list
  elements: dict
"""


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[dict[str, Any]]]]:
        """Return the filter by its name."""
        return {"worker_units": instance_files.worker_units}
