# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.flower_ping: its documentation stands in plugins/modules/flower_ping.py."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.celeryops.systemd.plugins.module_utils import flower_status

ARGUMENTS: dict[str, Any] = {
    "url": {"type": "str", "required": True},
    "wait": {"type": "float", "default": 0},
}
# With an OAuth provider Flower sends to it.
REFUSALS = ("401", "302")
JOURNAL = "see journalctl --unit=celery-flower on the host"


class ActionModule(ActionBase):
    """Gives the host's Python one small program: a module brings Ansible's own with it, at each call."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask Flower on the host."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        url = given["url"]
        program = Path(flower_status.__file__).read_text(encoding="utf-8")
        words = [self._python(task_vars or {}), "-I", "-c", program, url, str(given["wait"])]
        said = self._low_level_execute_command(shlex.join(words))
        if said["rc"]:
            reason = (said["stderr"].strip() or said["stdout"].strip()).rpartition("\n")[2]
            raise AnsibleActionFail(f"{url}: Flower does not answer ({reason}); {JOURNAL}")
        answered = said["stdout"].strip()
        if answered not in REFUSALS:
            what = f"status {answered} without a login, where 401 or 302 was expected"
            raise AnsibleActionFail(f"{url}: {what}; set flower_users or flower_oauth, or {JOURNAL}")
        return {**result, "changed": False, "status": int(answered)}

    def _python(self, variables: Mapping[str, Any]) -> str:
        """Return the interpreter of the inventory, or the one that Ansible has found."""
        asked = str(self._templar.template(variables.get("ansible_python_interpreter", "auto")))
        found = variables.get("ansible_facts", {}).get("discovered_interpreter_python", "python3")
        return str(found) if asked.startswith("auto") else asked
