# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.broker_url."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import url

DOCUMENTATION = r"""
name: broker_url
short_description: The URL at which a host reaches the broker of its fleet
description:
  - Returns the variable C(broker_url) of the host that asks, when it is set.
  - Otherwise builds it from the group C(celery_broker) and the variables of its first host, C(broker_type),
    C(broker_port), C(broker_bind), C(broker_password) and C(broker_monitor_password), with TLS where
    C(broker_tls) says so. The password is percent-encoded.
  - On several hosts it is the C(sentinel://) URLs of all Sentinels of Redis, or the C(amqp://) URLs of all
    nodes of RabbitMQ, with C(;) between them.
  - The broker's own host reaches it over loopback; others at C(broker_address), else C(ansible_host),
    else the inventory name.
positional: groups
extends_documentation_fragment: celeryops.systemd.inventory
options:
  database:
    description:
      - The Redis database; V(0) is the broker's own, and leaves an external URL as it is.
      - Brokers other than Redis have none, their URL stays.
    type: int
    default: 0
  login:
    description:
      - Whom it logs in. V(worker) is for workers, beat and senders, V(monitor) for Flower and other monitors.
      - V(none) leaves the login out, and of several Redis names the one on the host that asks.
      - Without C(broker_monitor_password) a monitor logs in as a worker. An external URL stays as it is.
    type: str
    choices: [worker, monitor, none]
    default: worker
  app:
    description: Whether C(celery_app_broker_url) of the host that asks comes first, where it is set.
    type: bool
    default: false
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: The broker and, beside it, the results
  ansible.builtin.set_fact:
    broker: "{{ hostvars | celeryops.systemd.broker_url(groups, host=inventory_hostname) }}"
    results: "{{ hostvars | celeryops.systemd.broker_url(groups, host=inventory_hostname, database=1) }}"
"""

RETURN = r"""
_value:
  description: The URL. It holds the password, so what uses it must not be logged.
  type: str
"""


def broker_url(
    hostvars: Mapping[str, Mapping[str, Any]],
    groups: Mapping[str, Sequence[str]],
    host: str,
    database: int = 0,
    login: str = "worker",
    app: bool = False,
) -> str:
    """Return the URL; a wrong inventory is an Ansible error."""
    if app and "celery_app_broker_url" in hostvars[host]:
        return str(hostvars[host]["celery_app_broker_url"] or "")
    try:
        return url.broker_url(hostvars, groups, host, database, login)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filter by its name."""
        return {"broker_url": broker_url}
