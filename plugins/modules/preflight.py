#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation of the action celeryops.systemd.preflight."""

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Read the inventory of the fleet once, and refuse what is wrong with it
description:
  - Reads the variables of every host of the fleet, and returns what concerns them all.
  - Give it C(run_once); what it returns becomes a fact of every host of the play, for the roles of this
    collection.
  - Runs on the controller; no host is touched.
extends_documentation_fragment: action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Read the inventory of the fleet
  celeryops.systemd.preflight:
  run_once: true
"""

RETURN = r"""
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
        timers:
          description:
            - For each host C(soft_time_limit) and C(time_limit) of tasks whose queue sets none, and the
              C(visibility_timeout), in seconds.
            - The visibility timeout is the seconds after which Redis delivers a task again that nobody
              acknowledged; RabbitMQ's consumer timeout is derived alike. All hosts have the same.
            - It is C(celery_app_visibility_timeout) where a host sets it. Otherwise an hour, or the longest
              countdown and twice the longest stop of any queue on any host (its hard limit and 30 seconds),
              when that is longer.
          returned: success
          type: dict
          sample: {web1: {soft_time_limit: 270, time_limit: 300, visibility_timeout: 3600}}
        chosen_visibility_timeout:
          description: The longest C(celery_app_visibility_timeout) that a host sets, 0 where none does.
          returned: success
          type: int
"""
