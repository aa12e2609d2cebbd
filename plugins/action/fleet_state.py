# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.fleet_state: its documentation stands in plugins/modules/fleet_state.py."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report.state import EXIT

SHOWN = 3  # reasons in the message; the table above it has them all
ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "required": True, "choices": list(EXIT)},
    "reasons": {"type": "list", "elements": "str", "default": []},
    "document": {"type": "dict"},
}


class ActionModule(ActionBase):
    """Tells on the controller; no host is touched."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail unless the fleet is well; the message begins with its state."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        if given["document"] is not None:
            Display().display(json.dumps(given["document"], sort_keys=True))
        state: str = given["state"]
        if not EXIT[state]:
            return {**result, "changed": False, "state": state}
        shown = given["reasons"][:SHOWN]
        more = len(given["reasons"]) - len(shown)
        msg = f"{state}: {'; '.join(shown)}" + (f"; and {more} more" if more else "")
        return {**result, "failed": True, "state": state, "msg": msg, "celeryops_exit": EXIT[state]}
