# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.stage_failure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import release

DOCUMENTATION = r"""
name: stage_failure
short_description: Why a release could not be made, in words that an operator can act on
description:
  - Takes from pip's many lines those that say what is wrong, and adds the host, the variable and the fix.
positional: host, source, wheelhouse
options:
  _input:
    description: The result of the task that failed, C(ansible_failed_result).
    type: dict
    required: true
  host:
    description: The host, C(inventory_hostname).
    type: str
    required: true
  source:
    description: What the release was to be made of, in words.
    type: str
    required: true
  wheelhouse:
    description: The wheelhouse that pip was given; empty when it asked a package index.
    type: str
    default: ""
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Say why
  ansible.builtin.fail:
    msg: "{{ ansible_failed_result | celeryops.systemd.stage_failure(inventory_hostname, 'directory /src') }}"
"""

RETURN = r"""
_value:
  description: The message.
  type: str
"""


def stage_failure(result: Mapping[str, Any], host: str, source: str, wheelhouse: str = "") -> str:
    """Return the message."""
    return release.stage_failure(str(result.get("msg", "")), host, source, wheelhouse)


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filter by its name."""
        return {"stage_failure": stage_failure}
