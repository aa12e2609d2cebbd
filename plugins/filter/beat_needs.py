# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.beat_needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.beat import options

DOCUMENTATION = r"""
name: beat_needs
short_description: What has to be installed in the app's release for beat
description:
  - Returns a module for each thing that the scheduler or a schedule rests on, with its package and with the
    variable that asks for it.
  - Used by the role P(celeryops.systemd.celery_app#role), which refuses a release without it.
positional: schedules
options:
  _input:
    description: The scheduler class, C(celery_beat_scheduler).
    type: str
    required: true
  schedules:
    description: The periodic tasks of the inventory, C(celery_beat_schedules).
    type: dict
    default: {}
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Show that RedBeat is needed
  ansible.builtin.debug:
    msg: "{{ 'redbeat.RedBeatScheduler' | celeryops.systemd.beat_needs }}"
"""

RETURN = r"""
_value:
  description: Dictionaries of C(module), C(package), C(variable) and C(value).
  type: list
  elements: dict
"""


def beat_needs(scheduler: str, schedules: Mapping[str, Any] | None = None) -> list[dict[str, str]]:
    """Return what is needed; wrong types are an Ansible error."""
    try:
        return options.needs(scheduler, schedules or {})
    except AttributeError as error:
        raise AnsibleFilterError(f"beat_needs: {error}") from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[dict[str, str]]]]:
        """Return the filter by its name."""
        return {"beat_needs": beat_needs}
