# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.package_files."""

from __future__ import annotations

from collections.abc import Callable

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import release

DOCUMENTATION = r"""
name: package_files
short_description: A Python package on the controller as files for a host
description:
  - Returns one entry for the O(celeryops.systemd.managed_files#module:files) of each module of the package,
    owned by root, so that a whole package takes one round trip.
positional: destination
options:
  _input:
    description: The package's directory on the controller.
    type: path
    required: true
  destination:
    description: The package's directory on the host.
    type: path
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Install the agent
  celeryops.systemd.managed_files:
    files: "{{ role_path ~ '/files/agent' | celeryops.systemd.package_files('/opt/celery/agent') }}"
"""

RETURN = r"""
_value:
  description: The entries.
  type: list
  elements: dict
"""


def package_files(source: str, destination: str) -> list[dict[str, str | bool]]:
    """Return the entries; a package that cannot be read is an Ansible error."""
    try:
        found = release.package_files(source, destination)
    except OSError as error:
        raise AnsibleFilterError(f"package_files: {error}") from error
    if not found:
        raise AnsibleFilterError(f"package_files: {source} holds no Python file")
    return found


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., list[dict[str, str | bool]]]]:
        """Return the filter by its name."""
        return {"package_files": package_files}
