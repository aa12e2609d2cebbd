# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.broker_problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import broker

DOCUMENTATION = r"""
name: broker_problems
short_description: What is wrong with the broker that the inventory asks for
description:
  - Returns one line for each problem, with host, variable, value, what is wrong, and the fix.
  - Used by the preflight of the role P(celeryops.systemd.broker#role).
positional: groups
options:
  _input:
    description:
      - The variables of the role without their prefix.
      - C(type), C(url), C(address), C(bind), C(port), C(memory_max_mb), C(maxmemory_mb), C(redis_settings),
        C(tls), C(tls_certificate), C(tls_key), C(tls_ca).
      - Those of P(celeryops.systemd.broker_users#filter).
      - C(rabbitmq), the variables C(broker_rabbitmq_*) without their prefix.
    type: dict
    required: true
  groups:
    description: The inventory's groups, C(groups).
    type: dict
    required: true
  host:
    description: Any host of the fleet; the one in the group C(celery_broker) is to run the broker.
    type: str
    required: true
  facts:
    description: The host's facts, C(ansible_facts); its memory and its disk count.
    type: dict
    required: true
  hostvars:
    description: The variables of every host, C(hostvars); they tell how the host reaches the broker.
    type: dict
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check what the broker is asked for
  ansible.builtin.assert:
    that: problems | length == 0
    fail_msg: "{{ problems | join('\n') }}"
  vars:
    asked: {type: redis, url: '', address: '', bind: [0.0.0.0], port: 6379, memory_max_mb: 0,
            maxmemory_mb: 0, redis_settings: {}, password: '', monitor_password: '', replica_password: '',
            previous_passwords: [], default_user: false, key_prefix: '', redis_users: {}, tls: true,
            tls_certificate: '', tls_key: '', tls_ca: ''}
    problems: >-
      {{ asked | celeryops.systemd.broker_problems(groups, inventory_hostname, ansible_facts, hostvars) }}
"""

RETURN = r"""
_value:
  description: The problems; empty when all is well.
  type: list
  elements: str
"""


def broker_problems(
    asked: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    host: str,
    facts: Mapping[str, Any],
    hostvars: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """Return each problem as its message."""
    memory_mb, room_mb = broker.host_memory_mb(facts), broker.host_room_mb(facts, asked["type"])
    found = broker.problems(asked, groups, host, memory_mb, room_mb, hostvars)
    if found:
        return [problem.text(host) for problem in found]
    try:
        broker.broker_url(hostvars, groups, host)
        if asked["type"] == "redis" and host in groups.get(broker.GROUP, ()) and broker.sentinel_mb(groups):
            broker.primary(hostvars, groups)
    except ValueError as error:
        return [str(error)]
    return []


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"broker_problems": broker_problems}
