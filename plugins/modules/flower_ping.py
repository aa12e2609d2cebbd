#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.flower_ping."""

from __future__ import annotations

DOCUMENTATION = r"""
module: flower_ping
short_description: Ask Flower without a login, and be content with a refusal only
description:
  - One question answers both whether Flower serves and whether its API knows somebody who has not logged in.
  - Changes nothing. Brings nothing of Ansible to the host, which is what a module costs a run most.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  url:
    description: Where Flower answers on its own host, with its prefix.
    type: str
    required: true
  wait:
    description: Seconds to ask again while nobody listens there.
    type: float
    default: 0
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Prove that Flower serves, and only those who may
  celeryops.systemd.flower_ping:
    url: http://127.0.0.1:5555
    wait: 60
"""

RETURN = r"""
status:
  description: The HTTP status that Flower answered with.
  returned: success
  type: int
  sample: 401
"""
