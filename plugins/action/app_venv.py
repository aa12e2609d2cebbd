# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.app_venv: its documentation stands in plugins/modules/app_venv.py."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import launcher


class ActionModule(ActionBase):
    """Tells the module who builds, and in what sandbox."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = {"builder": launcher.builder(self.purpose()), **self._task.args}
        result |= self._execute_module(module_args=arguments, task_vars=task_vars)
        return result

    def purpose(self) -> str:
        """Return what is built, by which its cache is named."""
        return "app"
