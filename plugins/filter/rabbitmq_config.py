# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.rabbitmq_config."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import address, limits, rabbitmq

DOCUMENTATION = r"""
name: rabbitmq_config
short_description: What a node of the fleet's RabbitMQ is configured with
description:
  - Returns the settings of C(rabbitmq.conf), the environment of the node, and what its unit may use.
  - Memory follows from the host as with P(celeryops.systemd.broker_limits#filter); the nodes of a cluster
    follow from the group C(celery_broker).
positional: groups
options:
  _input:
    description:
      - The variables of the role P(celeryops.systemd.broker#role) without their prefix.
      - C(bind), C(port), C(tls), C(memory_max_mb) and C(rabbitmq) count.
    type: dict
    required: true
  groups:
    description: The inventory's groups, C(groups).
    type: dict
    required: true
  host:
    description: The host of the node.
    type: str
    required: true
  facts:
    description: The host's facts, C(ansible_facts).
    type: dict
    required: true
  hostvars:
    description: The variables of every host, C(hostvars); they tell how the nodes find each other.
    type: dict
    required: true
  tls_directory:
    description: Where the certificate is.
    type: str
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Tell what the broker is configured with
  ansible.builtin.debug:
    msg: >-
      {{ asked | celeryops.systemd.rabbitmq_config(groups, inventory_hostname, ansible_facts, hostvars,
                                                   '/etc/celery-rabbitmq/celery-tls') }}
  vars:
    asked: {bind: [127.0.0.1], port: 5672, tls: false, memory_max_mb: 0, rabbitmq: {}}
"""

RETURN = r"""
_value:
  description: C(settings), C(environment), C(cluster) (whether there are several), C(memory_max_mb), C(why).
  type: dict
"""


def rabbitmq_config(
    asked: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    host: str,
    facts: Mapping[str, Any],
    hostvars: Mapping[str, Mapping[str, Any]],
    tls_directory: str,
) -> dict[str, Any]:
    """Return the configuration; wrong variables are an Ansible error."""
    try:
        own, _wrong = rabbitmq.read(asked["rabbitmq"])
        places = address.peer_addresses(hostvars, groups[address.GROUP])
        shared = address.shares_host(groups, host)
        limit, why = limits.unit_limit(limits.host_memory_mb(facts), shared, int(asked["memory_max_mb"]))
        bind = address.bind_addresses(asked["bind"])
        tls = tls_directory if asked["tls"] else ""
        found = rabbitmq.settings(
            bind, int(asked["port"]), tls, rabbitmq.Limits(limit), list(places.values()), own
        )
        environment = rabbitmq.environment(places[host], list(places.values()))
    except (KeyError, TypeError, ValueError) as error:
        raise AnsibleFilterError(f"rabbitmq_config: {error!r}") from error
    return {
        "settings": found,
        "environment": environment,
        "cluster": len(places) > 1,
        "memory_max_mb": limit,
        "why": why,
    }


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"rabbitmq_config": rabbitmq_config}
