# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.tool_venv: its documentation stands in plugins/modules/tool_venv.py."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible_collections.celeryops.systemd.plugins.action.app_venv import ActionModule as Build
from ansible_collections.celeryops.systemd.plugins.module_utils import snapshot, tool_venv
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import holder

ARGUMENTS: dict[str, Any] = {
    "root": {"type": "str", "required": True},
    "packages": {"type": "list", "elements": "str", "required": True},
    "wheelhouse": {"type": "str", "default": ""},
    "builder": {"type": "dict"},
}


class ActionModule(Build):
    """Calls the host, unless the snapshot of this run shows that it has the environment; tells who builds."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Compare with the snapshot, or run the module."""
        facts = {} if self._task.delegate_to else (task_vars or {}).get("ansible_facts", {})
        taken = snapshot.current(facts, str(holder.playing()))
        _validation, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        found, patterns = taken.get("found", {}), taken.get("patterns", [])
        python = facts.get("celeryops", {}).get("python", "")
        venv = tool_venv.shown(found, patterns, Path(given["root"]), given["packages"], python)
        if venv:
            return {"changed": False, "path": venv, "missing": False}
        return super().run(tmp, task_vars)

    def purpose(self) -> str:
        """Return the name of the tool's directory: each tool has a cache of its own."""
        return re.sub(r"\W", "_", Path(str(self._task.args.get("root"))).name)
