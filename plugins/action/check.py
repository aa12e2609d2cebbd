# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.check: its documentation stands in plugins/modules/check.py."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase

ARGUMENTS: dict[str, Any] = {
    "problems": {"type": "list", "elements": "str", "required": True},
    "status": {"type": "int", "default": 0},
}


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
            ended = {"celeryops_exit": given["status"]} if given["status"] else {}
            return {**result, "failed": True, "msg": "\n".join(problems), "problems": problems, **ended}
        return {**result, "changed": False, "problems": []}
