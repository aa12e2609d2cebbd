# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.app_artifact: its documentation stands in plugins/modules/app_artifact.py."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible_collections.celeryops.systemd.plugins.module_utils.artifact import logins
from ansible_collections.celeryops.systemd.plugins.module_utils.target import ArtifactError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.pack import ARGUMENTS, pack


class ActionModule(ActionBase):
    """Packs on the controller, in this process: a module would cost every run another Python."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Pack the app; no login of a URL is in the result."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        try:
            said = {"changed": False, **pack(given)}
        except (ArtifactError, OSError) as error:
            said = {"failed": True, "msg": str(error)}
        return {**result, **remove_values(said, logins(given["source"]))}
