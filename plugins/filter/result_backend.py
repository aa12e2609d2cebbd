# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.result_backend."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import settings

DOCUMENTATION = r"""
name: result_backend
short_description: A broker's URL when the broker can hold results too
description:
  - Returns the URL of a Redis as it is. Any other broker cannot hold results; then the result is null, which
    leaves the result backend to the app's code.
options:
  _input:
    description: The URL.
    type: str
    required: true
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Results beside the queues, where that can be
  ansible.builtin.set_fact:
    results: "{{ 'redis://broker1:6379/1' | celeryops.systemd.result_backend }}"
"""

RETURN = r"""
_value:
  description: The URL, or null.
  type: str
"""


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., str | None]]:
        """Return the filter by its name."""
        return {"result_backend": settings.usable_result_backend}
