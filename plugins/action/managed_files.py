# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.managed_files: see plugins/modules/managed_files.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase
from ansible_collections.celeryops.systemd.plugins.module_utils import files, snapshot
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import holder
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run.run_key import run_key


class ActionModule(ActionBase):
    """Calls the host, unless the snapshot of this run shows already that nothing would change."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Compare with the snapshot, or run the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        taken = snapshot.current((task_vars or {}).get("ansible_facts", {}), str(holder.playing()))
        if taken and not self._task.delegate_to and self._is_done(taken):
            return {**result, "changed": False, "changed_paths": [], **self._told(task_vars or {}, [])}
        told = holder.told(self._task.delegate_to, task_vars or {}, holder.playing())
        arguments = {**self._task.args, **told}
        result |= self._execute_module(module_args=arguments, task_vars=task_vars)
        result |= self._told(task_vars or {}, result.get("changed_paths", []))
        if result.get("changed", True):
            result.setdefault("ansible_facts", {})[snapshot.FACT] = ""
        return result

    def _told(self, task_vars: Mapping[str, Any], paths: list[str]) -> dict[str, Any]:
        """Return the fact by which the units of later tasks know what changed, where it is another now."""
        told = task_vars.get("ansible_facts", {}).get(snapshot.CHANGED, {})
        if self._task.delegate_to or list(told.get(self._task._uuid, [])) == paths:
            return {}
        return {"ansible_facts": {snapshot.CHANGED: {**told, self._task._uuid: paths}}}

    def _is_done(self, taken: Mapping[str, Any]) -> bool:
        _validation, given = self.validate_argument_spec(argument_spec=files.ARGUMENTS)
        try:
            wanted = [files.entry(raw) for raw in given["files"]]
        except files.FileError:
            return False  # the module says what is wrong
        place: str = constants.DEFAULT_LOCAL_TMP  # type: ignore[attr-defined]
        return snapshot.shows(taken, wanted, given["prune"], run_key(Path(place)))
