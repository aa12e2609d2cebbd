#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation of the action celeryops.systemd.preflight."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Read the inventory of the fleet once, and refuse what is wrong with it
description:
  - Checks every variable of every host of the play against the argument specs of the roles, refuses names
    that nobody reads, and then asks each role what is wrong. All problems come in one round, each once.
  - Returns what concerns the whole fleet.
  - Give it C(run_once); what it returns becomes a fact of every host of the play, for the roles of this
    collection.
  - Runs on the controller; no host is touched.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  roles:
    description:
      - The roles that are asked. Empty asks those that each host plays by its groups, and does so once a run.
    type: list
    elements: str
    default: []
  all_variables:
    description:
      - Whether the variables of all roles are checked, or those of O(roles) alone. A template of another
        role's variable may need facts of a host that nobody contacts.
    type: bool
    default: true
  refuse:
    description: Whether problems end the play. V(false) returns them.
    type: bool
    default: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check the inventory for every host and role
  celeryops.systemd.preflight:
  run_once: true
"""

RETURN = r"""
problems:
  description: The problems of each host, empty where there are none.
  returned: success
  type: dict
  sample: {web1: ["web1: celery_worker_queues.mail.pool = theads: unknown pool; did you mean threads?"]}
ansible_facts:
  description: What concerns the whole fleet, as C(celeryops_fleet). It holds no secret.
  returned: success
  type: complex
  contains:
    celeryops_fleet:
      description: The fleet.
      returned: success
      type: complex
      contains:
        run:
          description: The run that checked everything.
          returned: success
          type: str
        chosen_visibility_timeout:
          description: The longest C(celery_app_visibility_timeout) that a host sets, 0 where none does.
          returned: success
          type: int
        hosts:
          description:
            - What the roles of each host read of each other's variables, as JSON in a text.
            - C(timers) are C(soft_time_limit) and C(time_limit) of tasks whose queue sets none, and the
              C(visibility_timeout), in seconds.
            - The visibility timeout is the seconds after which Redis delivers a task again that nobody
              acknowledged; RabbitMQ's consumer timeout is derived alike. All hosts have the same.
            - It is C(celery_app_visibility_timeout) where a host sets it. Otherwise an hour, or the longest
              countdown and twice the longest stop of any queue on any host (its hard limit and 30 seconds),
              when that is longer.
            - C(plan) is the plan of the host, C(memory) the MB that the unit of a role beside the workers may
              use, and C(leaving) the roles whose traces have to go from it, as the inventory no longer puts
              them there.
          returned: success
          type: dict
"""
