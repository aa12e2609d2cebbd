# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.app_command."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import app_command as commands

DOCUMENTATION = r"""
name: app_command
short_description: The command that runs code of the app on a host, behind a worker's fences
description:
  - C(systemd-run) with the user, the environment, the directories and the sandbox of the host's workers, or
    of beat where the host has none, and then the Python of the app.
  - The exit code, the output and the standard input are those of the program.
positional: host, words
options:
  _input:
    description: The variables of every host, C(hostvars).
    type: dict
    required: true
  host:
    description: The host on which it runs.
    type: str
    required: true
  words:
    description: What Python is given.
    type: list
    elements: str
    required: true
  directory:
    description: Where it runs; C(celery_app_directory) where it is empty.
    type: str
    default: ""
  virtualenv:
    description: Whose Python; C(celery_app_virtualenv) where it is empty.
    type: str
    default: ""
  environment:
    description: Whether it has the app's environment and the agent, as a worker has.
    type: bool
    default: true
  known:
    description: Variables that hold over the host's; those of a play are not in C(hostvars).
    type: dict
    default: {}
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Ask Django for what was not migrated
  ansible.builtin.command:
    argv: "{{ hostvars | celeryops.systemd.app_command(inventory_hostname, words) }}"
  vars:
    words: [manage.py, showmigrations]
  changed_when: false
"""

RETURN = r"""
_value:
  description: The words of the command.
  type: list
  elements: str
"""


def app_command(
    hostvars: Mapping[str, Mapping[str, Any]],
    host: str,
    words: Sequence[object],
    directory: str = "",
    virtualenv: str = "",
    environment: bool = True,
    known: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return the command; an unknown sandbox is an Ansible error."""
    variables = ChainMap(dict(known or {}), hostvars[host])  # type: ignore[arg-type]
    try:
        return commands.app_command(variables, words, directory, virtualenv, environment)
    except ValueError as error:
        raise AnsibleFilterError(f"{host}: {error}") from error


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filter by its name."""
        return {"app_command": app_command}
