# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.flower_url."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils import flower

DOCUMENTATION = r"""
name: flower_url
short_description: The URL at which Flower's own host reaches it
description:
  - Returns the URL without a slash at its end.
options:
  _input:
    description: The variables of the role without their prefix; C(address), C(port) and C(url_prefix).
    type: dict
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Tell where Flower is
  ansible.builtin.debug:
    msg: "{{ {'address': '127.0.0.1', 'port': 5555, 'url_prefix': ''} | celeryops.systemd.flower_url }}"
# http://127.0.0.1:5555
"""

RETURN = r"""
_value:
  description: The URL.
  type: str
"""


def flower_url(asked: Mapping[str, Any]) -> str:
    """Return the URL."""
    return flower.own_url(asked)


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., str]]:
        """Return the filter by its name."""
        return {"flower_url": flower_url}
