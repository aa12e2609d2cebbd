# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.builder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import launcher

DOCUMENTATION = r"""
name: builder
short_description: Who builds packages on a host, and in what sandbox
description:
  - The user C(celery-build), in a sandbox as strict as a worker's, with the network and without a look at
    secrets, state and logs.
  - The modules that build take it as their option O(ignore:builder).
options:
  _input:
    description: What is built, such as V(app); each has a cache of its own in C(/var/cache/celery-build).
    type: str
    required: true
seealso:
  - module: celeryops.systemd.app_venv
  - module: celeryops.systemd.tool_venv
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Install Flower
  celeryops.systemd.tool_venv:
    root: /opt/celery/flower
    packages: ['flower==2.2.0']
    builder: "{{ 'flower' | celeryops.systemd.builder }}"
"""

RETURN = r"""
_value:
  description:
    - C(user), and C(command), the words before each program. In them C({directory}) and C({environment})
      stand for the directory that is written and for the file with the environment.
  type: dict
"""


def builder(purpose: str) -> dict[str, Any]:
    """Return the builder."""
    return launcher.builder(str(purpose))


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filter by its name."""
        return {"builder": builder}
