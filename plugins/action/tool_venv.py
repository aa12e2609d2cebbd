# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.tool_venv: its documentation stands in plugins/modules/tool_venv.py."""

from __future__ import annotations

import re
from pathlib import Path

from ansible_collections.celeryops.systemd.plugins.action.app_venv import ActionModule as Build


class ActionModule(Build):
    """Tells the module who builds, and in what sandbox."""

    def purpose(self) -> str:
        """Return the name of the tool's directory: each tool has a cache of its own."""
        return re.sub(r"\W", "_", Path(str(self._task.args.get("root"))).name)
