# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Options of the filters that read the whole inventory on behalf of one host."""

from __future__ import annotations


class ModuleDocFragment:
    """The name by which Ansible finds it."""

    DOCUMENTATION = r"""
options:
  _input:
    description: The variables of every host, C(hostvars).
    type: dict
    required: true
  groups:
    description: The inventory's groups, C(groups).
    type: dict
    required: true
  host:
    description: The host that asks, C(inventory_hostname).
    type: str
    required: true
"""
