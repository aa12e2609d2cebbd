#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation of the action celeryops.systemd.check."""

from __future__ import annotations

DOCUMENTATION = r"""
module: check
short_description: End the play where there are problems, and tell them all
description:
  - Takes what a filter of this collection found wrong; without a problem it is quiet.
  - Runs on the controller; no host is touched.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  problems:
    description: The problems, each a line that an operator can act on.
    type: list
    elements: str
    required: true
  status:
    description: The exit status of a playbook of this collection where there are any; V(0) leaves it.
    type: int
    default: 0
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check that every host has the release
  celeryops.systemd.check:
    problems: "{{ target['problems'] }}"
"""

RETURN = r"""
problems:
  description: The problems, as they were given.
  returned: always
  type: list
  elements: str
  sample: ["web1: celery_worker_queues.mail.pool = theads: is not a pool; did you mean threads?"]
"""
