# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.preflight: its documentation stands in plugins/modules/preflight.py."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.celeryops.systemd.plugins.plugin_utils import inventory


class ActionModule(ActionBase):
    """Reads the inventory on the controller; no host is touched."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with what is wrong, or return what concerns the whole fleet."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        self.validate_argument_spec(argument_spec={})
        known = task_vars or {}
        hostvars, groups, hosts = known["hostvars"], known["groups"], known["ansible_play_hosts_all"]
        problems = [problem.text(host) for host in hosts for problem in inventory.renamed(hostvars[host])]
        if problems:
            return {**result, "failed": True, "msg": "\n".join(problems), "problems": problems}
        members = [*inventory.members(groups), *hosts]
        return {
            **result,
            "changed": False,
            "ansible_facts": {
                "celeryops_fleet": {
                    "timers": inventory.fleet_timers(hostvars, groups, hosts),
                    "chosen_visibility_timeout": inventory.chosen_visibility(hostvars, members),
                }
            },
        }
