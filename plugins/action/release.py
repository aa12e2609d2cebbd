# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.release: its documentation stands in plugins/modules/release.py."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import holder


class ActionModule(ActionBase):
    """Tells the module which run this is, whose lock it keeps."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        told = holder.told(self._task.delegate_to, task_vars or {}, holder.playing())
        arguments = {**self._task.args, **told}
        result |= self._execute_module(module_args=arguments, task_vars=task_vars)
        return result
