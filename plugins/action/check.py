# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.check: its documentation stands in plugins/modules/check.py."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader

ARGUMENTS: dict[str, Any] = {"problems": {"type": "list", "elements": "str", "required": True}}

# Every task of every host runs in a process of its own, forked from one that loads actions but no filters.
# The filters of this collection are loaded here, once, so that not each of those spends 0.1 s to load them.
filter_loader.get("celeryops.systemd.host_problems")


class ActionModule(ActionBase):
    """Checks on the controller; no host is touched."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with the problems, where there are any."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        problems: list[str] = given["problems"]
        if problems:
            return {**result, "failed": True, "msg": "\n".join(problems), "problems": problems}
        return {**result, "changed": False, "problems": []}
