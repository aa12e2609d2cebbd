# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.json_file: its documentation stands in plugins/modules/json_file.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report import private_file

ARGUMENTS: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "content": {"type": "dict"},
}


class ActionModule(ActionBase):
    """Reads and writes on the controller; no host is touched."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Write the file, or read it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        path = Path(given["path"]).expanduser().absolute()
        try:
            if given["content"] is None:
                return {**result, "changed": False, "path": str(path), "content": read(path)}
            write(path, given["content"])
        except (OSError, ValueError) as error:
            raise AnsibleActionFail(f"{path}: {error}") from error
        return {**result, "changed": False, "path": str(path)}


def read(path: Path) -> Any:
    """Return the document."""
    document = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    return document


def write(path: Path, document: dict[str, Any]) -> None:
    """Replace the file at once; what it tells of hosts is for its owner."""
    private_file.write(path, f"{json.dumps(document, indent=2, sort_keys=True)}\n")
