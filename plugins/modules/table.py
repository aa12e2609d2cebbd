#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation of the action celeryops.systemd.table."""

from __future__ import annotations

DOCUMENTATION = r"""
module: table
short_description: Print rows as a table that a person likes to read
description:
  - Prints on the controller, past the callback plugin, so that nothing is quoted as JSON or YAML.
  - Numbers stand to the right, words to the left; a missing value is a dash.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  rows:
    description: The rows, each a dictionary. Without a row only O(notes) are printed.
    type: list
    elements: dict
    required: true
  columns:
    description: The columns, from left to right.
    type: list
    elements: dict
    required: true
    suboptions:
      key:
        description: The key of a row that the column shows.
        type: str
        required: true
      title:
        description: The heading. Without it, the key in capitals.
        type: str
      merge:
        description: Leave out a value that repeats the one above.
        type: bool
        default: false
  notes:
    description: Lines to print below the table.
    type: list
    elements: str
    default: []
  width:
    description: Characters that a line may have; the widest columns of words are cut to fit.
    type: int
    default: 100
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Show what runs where
  celeryops.systemd.table:
    rows:
      - {host: worker1, instance: mail-threads, active: 12}
      - {host: worker1, instance: images-prefork, active: 2}
    columns:
      - {key: host, merge: true}
      - {key: instance}
      - {key: active}
  run_once: true
"""

RETURN = r"""
lines:
  description: The lines that were printed.
  returned: always
  type: list
  elements: str
  sample: ["HOST     INSTANCE        ACTIVE", "worker1  mail-threads        12"]
"""
