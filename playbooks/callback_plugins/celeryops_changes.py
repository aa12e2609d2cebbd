# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Tells at the end of a playbook what changed, what restarted, what runs and what to do next.

It lies beside the playbooks, so it is loaded with them whatever ansible.cfg says, and only with them. Its
name comes before that of celeryops_exit, which ends the run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible import constants, context
from ansible.plugins.callback import CallbackBase
from ansible_collections.celeryops.systemd.plugins.plugin_utils.report.summary import Summary

DOCUMENTATION = r"""
name: celeryops_changes
type: aggregate
short_description: The summary of a playbook
description:
  - Tells at the end of a playbook in a few lines what changed by role and host, what restarted, what runs and
    what to do next; in check mode what would change.
  - Says nothing where the output is JSON.
"""


class CallbackModule(CallbackBase):
    """Collects what the tasks return, and hides nothing that others show."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "celeryops_changes"

    def __init__(self) -> None:
        super().__init__()
        self._summary = Summary()
        self._play = ""

    def v2_playbook_on_start(self, playbook: Any) -> None:
        """Begin anew: ansible-playbook plays several in one run."""
        self._summary = Summary(Path(playbook._file_name).stem, bool(context.CLIARGS.get("check")))

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Keep the play's name, for tasks that no role has."""
        self._play = play.get_name().strip()

    def v2_runner_on_ok(self, result: Any) -> None:
        """Take what the task did."""
        self._add(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Take what the task did before it failed; whether the host has failed is known at the end."""
        self._add(result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Tell all of it, once."""
        if "json" in constants.DEFAULT_STDOUT_CALLBACK:
            return
        # A count that a rescue took back stays there as 0.
        self._summary.failed = sorted(host for host, count in stats.failures.items() if count)
        self._summary.unreachable = sorted(host for host, count in stats.dark.items() if count)
        self._display.banner("SUMMARY")
        for line in self._summary.lines():
            self._display.display(line)

    def _add(self, result: Any) -> None:
        task = result.task
        role = getattr(task, "_role", None)
        host = task.delegate_to or result.host.get_name()
        self._summary.add(host, role.get_name().rpartition(".")[2] if role else self._play, result.result)
