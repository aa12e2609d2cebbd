# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.sender: its documentation stands in plugins/modules/sender.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import sender
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report import private_file

ARGUMENTS: dict[str, Any] = {
    "settings": {"type": "dict", "required": True},
    "overrides": {"type": "dict", "default": {}},
    "broker_url": {"type": "str"},
    "result_backend": {"type": "str"},
    "queues": {"type": "dict", "default": {}},
    "format": {"type": "str", "choices": list(sender.FORMATS), "default": "dict"},
    "file": {"type": "path"},
    "secrets": {"type": "bool", "default": False, "no_log": False},
}


class ActionModule(ActionBase):
    """Prints or writes on the controller; no host is touched."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Print the settings, or write them; the result holds neither."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        # Plain values: Ansible's own know where they come from, and look otherwise when they are written.
        given = json.loads(json.dumps(given, default=str))
        urls = {name: given[name] for name in sender.URLS}
        settings = sender.settings_of_sender(given["settings"], given["overrides"], urls)
        hides = not given["secrets"] and not given["file"]
        told = sender.notes(settings, sender.consumed(given["queues"]), hides)
        text = sender.text(sender.without_secrets(settings) if hides else settings, given["format"], told)
        if not given["file"]:
            for line in ["", *text.splitlines(), ""]:
                Display().display(line)
            return {**result, "changed": False}
        path = Path(given["file"]).expanduser().absolute()
        try:
            private_file.write(path, text)
        except OSError as error:
            raise AnsibleActionFail(f"sender_file = {path}: {error}") from error
        for line in ["", f"{path} holds what a sender needs, passwords too.", *told, ""]:
            Display().display(line)
        return {**result, "changed": False, "file": str(path)}
