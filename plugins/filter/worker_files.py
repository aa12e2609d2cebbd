# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.worker_files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import instance_files

DOCUMENTATION = r"""
name: worker_files
short_description: The environment file of each instance of a host
description:
  - Turns the instances of a plan into files as M(celeryops.systemd.managed_files) takes them.
positional: group, log_level, log_destination
options:
  _input:
    description: The instances of a plan, see P(celeryops.systemd.worker_plan#filter).
    type: list
    elements: dict
    required: true
  group:
    description: The group of the service, which may read the files.
    type: str
    required: true
  log_level:
    description: The level from which the workers log.
    type: str
    required: true
  log_destination:
    description: Where the workers log to.
    type: str
    choices: [journal, file]
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Write the instances' environment files
  celeryops.systemd.managed_files:
    files: "{{ plan['instances'] | celeryops.systemd.worker_files('celery', 'INFO', 'journal') }}"
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
        return {"worker_files": instance_files.worker_files}
