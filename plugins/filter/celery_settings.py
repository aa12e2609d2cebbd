# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.celery_settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import settings

DOCUMENTATION = r"""
name: celery_settings
short_description: The Celery settings that lose no task, with the operator's over them
description:
  - Returns the settings by their lower-case names, such as C(task_acks_late).
  - They depend on the broker; its URL and the result backend's are not among them.
  - Behind Sentinels they hold the password with which these are asked, so what uses them must not be logged.
positional: timeouts
options:
  _input:
    description:
      - The operator's settings, C(celery_app_settings). They win.
      - A null leaves a setting to the app's code. Transport options are merged key by key.
    type: dict
    required: true
  timeouts:
    description: C(soft_time_limit), C(time_limit) and C(visibility_timeout) in seconds.
    type: dict
    required: true
  broker_url:
    description: The broker's URL; its scheme decides. Null when the app's code names the broker.
    type: str
  result_backend:
    description: The result backend's URL; its scheme decides. Null when the app's code names it.
    type: str
  key_prefix:
    description: What the names of all keys and channels of a Redis begin with, C(broker_key_prefix).
    type: str
    default: ''
  queue_type:
    description: The type of the queues of a RabbitMQ; empty leaves it to the app's code.
    type: str
    default: ''
  ca_file:
    description: The CA of a RabbitMQ that speaks TLS; empty without.
    type: str
    default: ''
  sentinels:
    description: Transport options of P(celeryops.systemd.broker_sentinel#filter).
    type: dict
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Show the settings
  ansible.builtin.debug:
    msg: "{{ {'result_extended': true} | celeryops.systemd.celery_settings(timers, broker_url=url) }}"
  vars:
    timers: {soft_time_limit: 270, time_limit: 300, visibility_timeout: 3600}
    url: redis://broker1:6379/0
"""

RETURN = r"""
_value:
  description: The settings.
  type: dict
"""


def celery_settings(
    overrides: Mapping[str, Any],
    timeouts: Mapping[str, Any],
    broker_url: str | None = None,
    result_backend: str | None = None,
    key_prefix: str = "",
    queue_type: str = "",
    ca_file: str = "",
    sentinels: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the settings; wrong types are an Ansible error."""
    try:
        timers = settings.Timeouts(**{name: int(value) for name, value in timeouts.items()})
        own = settings.Own(key_prefix, queue_type, ca_file, sentinels or {})
        return settings.celery_settings(overrides, timers, broker_url, result_backend, own)
    except (AttributeError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"celery_settings: {error}") from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"celery_settings": celery_settings}
