# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.host_facts: its documentation stands in plugins/modules/host_facts.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible import constants
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.celeryops.systemd.plugins.action.run_lock import ActionModule as RunLock
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import holder
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run.run_key import run_key


class ActionModule(RunLock):
    """Takes the snapshot of the host, and its lock in the same call where the play asks for it."""

    @property
    def own(self) -> dict[str, Any]:
        """The run that takes the snapshot, the process from which each task's own is forked, and its key."""
        place: str = constants.DEFAULT_LOCAL_TMP  # type: ignore[attr-defined]
        return {"run": str(holder.playing()), "key": run_key(Path(place))}

    def wants_lock(self) -> bool:
        """Tell whether this task takes the lock."""
        return bool(boolean(self._task.args.get("lock", False)))
