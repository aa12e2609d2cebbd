# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.units: its documentation stands in plugins/modules/units.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.celeryops.systemd.plugins.module_utils import snapshot, units
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import holder

NOTHING = {
    "changed": False, "started": [], "restarted": [], "stale": [], "stopped": [], "removed": [],
    "reloaded": False,
}  # fmt: skip


class ActionModule(ActionBase):
    """Calls the host, unless the snapshot of this run shows already that all is as wanted."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Compare with the snapshot, or run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        facts = (task_vars or {}).get("ansible_facts", {})
        if self._task.args.get("changed_paths") is None:
            changed = facts.get(snapshot.CHANGED, {}).values()
            self._task.args["changed_paths"] = [path for paths in changed for path in paths]
        taken = snapshot.current(facts, str(holder.playing()))
        if taken and not self._task.delegate_to:
            states = self._settled(taken)
            if states is not None:
                return {**result, **NOTHING, "states": states}
        told = holder.told(self._task.delegate_to, task_vars or {}, holder.playing())
        arguments = {**self._task.args, **told}
        result |= self._execute_module(module_args=arguments, task_vars=task_vars)
        if result.get("changed", True):
            result["ansible_facts"] = {snapshot.FACT: ""}
        return result

    def _settled(self, taken: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
        """Return the units' states when nothing has to happen to them, None where the host must be asked."""
        _validation, given = self.validate_argument_spec(argument_spec=units.ARGUMENTS)
        if given["ask"]:
            return None
        desired = units.desired(given["units"])
        times = snapshot.times(taken, [path for want in desired for path in want.inputs])
        known = {name: units.Unit(**raw) for name, raw in taken.get("units", {}).items()}
        stay = units.all_stay(given["leave"], taken.get("workers"))
        if given["changed_paths"] or not stay or times is None or not units.settled(desired, known, times):
            return None
        return {want.name: known[want.name].summary() for want in desired}
