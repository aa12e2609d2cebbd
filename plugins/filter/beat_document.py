# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.beat_document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.beat import options

DOCUMENTATION = r"""
name: beat_document
short_description: What the agent is told of beat
description:
  - Returns the schedule of the inventory, the lock's time and Celery's settings for beat.
  - A crontab has all its fields and its time zone, a length of time is in seconds.
options:
  _input:
    description: The variables of the role without their prefix, checked by M(celeryops.systemd.preflight).
    type: dict
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Show what beat will do
  ansible.builtin.debug:
    msg: "{{ asked | celeryops.systemd.beat_document }}"
  vars:
    asked:
      scheduler: celery.beat:PersistentScheduler
      schedules:
        digest: {task: shop.mail.digest, every: 15m, options: {expires: 10m}}
      timezone: UTC
      loop_interval: 5
      lock_timeout: 20
"""

RETURN = r"""
_value:
  description: C(settings), C(lock_timeout) and C(schedules).
  type: dict
"""


def beat_document(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document; wrong types are an Ansible error."""
    try:
        return options.document(options.Asked(**asked))
    except (AttributeError, TypeError) as error:
        raise AnsibleFilterError(f"beat_document: {error}") from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"beat_document": beat_document}
