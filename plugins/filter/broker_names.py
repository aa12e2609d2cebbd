# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.broker_names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import address

DOCUMENTATION = r"""
name: broker_names
short_description: The names by which the fleet reaches its broker
description:
  - Returns the names and addresses that the certificate of the broker has to have.
positional: host
options:
  _input:
    description: The variables of every host, C(hostvars).
    type: dict
    required: true
  host:
    description: The host that runs the broker.
    type: str
    required: true
  peers:
    description: The hosts of the cluster that it belongs to; the certificate of each has the names of all.
    type: list
    elements: str
    default: []
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Tell what the certificate has to name
  ansible.builtin.debug:
    msg: "{{ hostvars | celeryops.systemd.broker_names('broker1.example.org') }}"
# [localhost, 127.0.0.1, broker1.example.org]
"""

RETURN = r"""
_value:
  description: The names and addresses.
  type: list
  elements: str
"""


def broker_names(
    hostvars: Mapping[str, Mapping[str, Any]], host: str, peers: Sequence[str] = ()
) -> list[str]:
    """Return the names."""
    return address.tls_names(hostvars, host, peers)


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"broker_names": broker_names}
