# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.rabbitmq_objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import rabbitmq

DOCUMENTATION = r"""
name: rabbitmq_objects
short_description: The users and policies of the fleet's RabbitMQ
description:
  - Returns the vhost, the users with the least rights that their part of Celery works with, and the policies.
  - As M(celeryops.systemd.rabbitmq_state) takes them. The users hold their passwords.
options:
  _input:
    description:
      - The variables of the role P(celeryops.systemd.broker#role) without their prefix.
      - C(password), C(monitor_password) and C(rabbitmq) count.
    type: dict
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Tell the rights of the workers
  ansible.builtin.debug:
    msg: "{{ (asked | celeryops.systemd.rabbitmq_objects)['users']['celery']['configure'] }}"
  vars:
    asked: {password: hush, monitor_password: '', rabbitmq: {}}
"""

RETURN = r"""
_value:
  description: C(vhost), C(users), C(policies) and C(dead_letters).
  type: dict
"""


def rabbitmq_objects(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the objects; wrong variables are an Ansible error."""
    try:
        own, _wrong = rabbitmq.read(asked["rabbitmq"])
        return {
            "vhost": own.vhost,
            "users": rabbitmq.users(str(asked["password"]), str(asked["monitor_password"]), own),
            "policies": rabbitmq.policies(own),
            "dead_letters": rabbitmq.DEAD if own.queue_type == "quorum" else "",
        }
    except (KeyError, TypeError) as error:
        raise AnsibleFilterError(f"rabbitmq_objects: {error!r}") from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"rabbitmq_objects": rabbitmq_objects}
