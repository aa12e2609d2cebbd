#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation of the action celeryops.systemd.json_file."""

from __future__ import annotations

DOCUMENTATION = r"""
module: json_file
short_description: Read or write a JSON document on the controller
description:
  - Works on the controller, in check mode too, and opens no connection. A relative path begins where the play
    was started, and not beside the playbook.
  - What it writes only its owner can read, and is either whole or not there.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  path:
    description: The file.
    type: path
    required: true
  content:
    description: The document to write. Without it, the file is read.
    type: dict
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Keep what is known of the hosts
  celeryops.systemd.json_file:
    path: facts.json
    content: "{{ known }}"
  run_once: true
"""

RETURN = r"""
path:
  description: The file, with its whole path.
  returned: always
  type: str
  sample: /home/me/fleet/facts.json
content:
  description: The document.
  returned: when it was read
  type: dict
"""
