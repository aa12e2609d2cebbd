# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.table: its documentation stands in plugins/modules/table.py."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report.table import Column, table

ARGUMENTS: dict[str, Any] = {
    "rows": {"type": "list", "elements": "dict", "required": True},
    "columns": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "key": {"type": "str", "required": True, "no_log": False},
            "title": {"type": "str"},
            "merge": {"type": "bool", "default": False},
        },
    },
    "notes": {"type": "list", "elements": "str", "default": []},
    "width": {"type": "int", "default": 100},
}


class ActionModule(ActionBase):
    """Prints on the controller; no host is touched."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the table and return its lines."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        columns = [
            Column(entry["key"], entry["title"] or entry["key"].upper(), entry["merge"])
            for entry in given["columns"]
        ]
        lines = table(given["rows"], columns, given["width"]) if given["rows"] else []
        lines += [""] * bool(lines and given["notes"]) + given["notes"]
        display = Display()
        for line in ["", *lines, ""]:
            display.display(line)
        return {**result, "changed": False, "lines": lines}
