# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.run_lock: its documentation stands in plugins/modules/run_lock.py."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.celeryops.systemd.plugins.module_utils import run_lock
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import holder


class ActionModule(ActionBase):
    """Tells the module who runs this, and whether the run that holds the host has ended."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run the module; a second time where a run of this controller has left its lock."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        arguments = {**(self._asked(variables) if self.wants_lock() else {}), **self._task.args, **self.own}
        said: dict[str, Any] = self._execute_module(module_args=arguments, task_vars=variables)
        ended = said.get("held_by", {})
        if holder.has_ended(ended):
            arguments["ended"] = ended["run"]
            said = self._execute_module(module_args=arguments, task_vars=variables)
            if "held_by" not in said:
                said["warnings"] = [*said.get("warnings", []), holder.taken_over(ended)]
        if found := said.get("held_by"):
            said |= {"failed": True, "msg": holder.refusal(variables["inventory_hostname"], found)}
        return result | said

    def _asked(self, variables: dict[str, Any]) -> dict[str, Any]:
        """Return what the module is told of this run, the process from which each task's own is forked."""
        play = variables.get("ansible_play_name", "a playbook")
        return {
            "holder": dict(holder.holder(holder.playing(), f"the play '{play}'")),
            "broken": self._templar.template(variables.get(holder.BREAK_VARIABLE, False)),
            "lease": self._templar.template(variables.get(holder.LEASE_VARIABLE, run_lock.LEASE)),
        }

    @property
    def own(self) -> dict[str, Any]:
        """What the module is told besides."""
        return {}

    def wants_lock(self) -> bool:
        """Tell whether this task takes the lock."""
        return True
