# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.units: its documentation stands in plugins/modules/units.py."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.celeryops.systemd.plugins.module_utils import survey, units

NOTHING = {
    "changed": False, "started": [], "restarted": [], "stale": [], "stopped": [], "removed": [],
    "reloaded": False,
}  # fmt: skip


class ActionModule(ActionBase):
    """Calls the host, unless the look of this run has shown already that all is as wished."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Compare with what was seen, or run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        seen = arguments.pop("seen", None)
        facts = (task_vars or {}).get("ansible_facts", {})
        if seen and survey.holds(seen, facts) and not self._task.delegate_to:
            states = self._settled(seen)
            if states is not None:
                return {**result, **NOTHING, "states": states}
        result |= self._execute_module(module_args=arguments, task_vars=task_vars)
        if result.get("changed", True):
            result["ansible_facts"] = {survey.LOOK: ""}
        return result

    def _settled(self, seen: dict[str, Any]) -> dict[str, dict[str, Any]] | None:
        """Return the units' states when nothing has to happen to them, None where the host must be asked."""
        _validation, given = self.validate_argument_spec(argument_spec=units.ARGUMENTS)
        wishes = units.wishes(given["units"])
        times = survey.times(seen, [path for wish in wishes for path in wish.inputs])
        known = {name: units.Unit(**raw) for name, raw in seen.get("units", {}).items()}
        stay = units.all_stay(given["leave"], seen.get("workers"))
        if given["changed_paths"] or not stay or times is None or not units.settled(wishes, known, times):
            return None
        return {wish.name: known[wish.name].summary() for wish in wishes}
