# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.scale_file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import instance_files

DOCUMENTATION = r"""
name: scale_file
short_description: What a host's scaler reads
description:
  - Turns the extra instances of a plan into one file as M(celeryops.systemd.managed_files) takes it.
  - It says for each queue that scales when its extra units start and drain.
positional: group
options:
  _input:
    description: The instances of a plan, see P(celeryops.systemd.worker_plan#filter).
    type: list
    elements: dict
    required: true
  group:
    description: The group of the service, which may read the file.
    type: str
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Write what the scaler reads
  celeryops.systemd.managed_files:
    files: ["{{ plan['instances'] | celeryops.systemd.scale_file('celery') }}"]
"""

RETURN = r"""
_value:
  description: The file.
  type: dict
"""


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"scale_file": instance_files.scale_file}
