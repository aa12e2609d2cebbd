#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documentation of the action celeryops.systemd.sender."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sender
short_description: What a process that sends tasks has to set
description:
  - Prints, or writes to a file, those of the fleet's Celery settings that a sender reads, such as a web
    server that is on no host of the fleet. What only workers and beat read is left out.
  - How messages are serialized is told only where O(overrides) sets it; else the app's code tells both
    sides.
  - Works on the controller, in check mode too, and opens no connection.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  settings:
    description: The settings of the workers, as P(celeryops.systemd.celery_settings#filter) tells them.
    type: dict
    required: true
  overrides:
    description: Those that the inventory sets, C(celery_app_settings).
    type: dict
    default: {}
  broker_url:
    description: URL of the broker, with its login.
    type: str
  result_backend:
    description: URL of the result backend, with its login.
    type: str
  queues:
    description: The queues of the inventory, C(celery_worker_queues).
    type: dict
    default: {}
  format:
    description:
      - V(django) is a module of settings for C(namespace="CELERY"), V(dict) a module with a dictionary, and
        V(environment) a file of environment variables, the URLs as they are and each other value as JSON.
    type: str
    choices: [django, dict, environment]
    default: dict
  file:
    description: >-
      The file to write, mode 0600; a relative path begins where the play was started. Unset, it prints.
    type: path
  secrets:
    description: Show passwords in what is printed. A file has them in any case.
    type: bool
    default: false
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Write what the web server needs
  celeryops.systemd.sender:
    settings: "{{ settings }}"
    broker_url: redis://worker:secret@broker1:6379/0
    queues: {mail: {workload: io}}
    format: django
    file: celery_settings.py
"""

RETURN = r"""
file:
  description: The file, with its whole path.
  returned: when one was asked for
  type: str
  sample: /home/me/shop/celery_settings.py
"""
