#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation of the action celeryops.systemd.fleet_state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_state
short_description: End a play with the state of the fleet
description:
  - Fails unless the fleet is well. Nothing is done on any host.
  - In the playbooks of this collection C(ansible-playbook) then ends with 2 for V(degraded) and with 3 for
    V(unserved).
extends_documentation_fragment: celeryops.systemd.attributes
options:
  state:
    description: What the fleet is.
    type: str
    choices: [well, degraded, unserved]
    required: true
  reasons:
    description: Why it is not well, a line each.
    type: list
    elements: str
    default: []
  document:
    description: What to print first, as JSON on one line. Without it nothing is printed.
    type: dict
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: End with the state of the fleet
  celeryops.systemd.fleet_state:
    state: degraded
    reasons: ["worker2: unreachable: mail does not run there"]
"""

RETURN = r"""
state:
  description: What the fleet is.
  returned: always
  type: str
celeryops_exit:
  description: The exit status that C(ansible-playbook) is to have.
  returned: failed
  type: int
"""
