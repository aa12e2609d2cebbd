# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Secrets that are no arguments of their own, kept out of what Ansible prints."""

from __future__ import annotations

from collections.abc import Iterable

from ansible.module_utils.basic import AnsibleModule

try:
    from ansible.module_utils.secrets import register_secrets
except ImportError:

    def register_secrets(values: Iterable[str], /) -> None:
        """Do nothing: ansible-core before 2.22 looks at no_log_values, and later ones do not."""


def hide(module: AnsibleModule, values: set[str]) -> None:
    """Keep the values out of the result of the module, and of its arguments where they are shown."""
    module.no_log_values.update(values)
    register_secrets(values)
