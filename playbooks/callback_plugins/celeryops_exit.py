# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Ends ansible-playbook with the exit status that a task asks for, where its own is not enough.

ansible-playbook's status for a failed play is always 2, and a task runs in a process of its own. A
callback that lies beside the playbook is loaded with it and runs in the main process; it heeds nothing
but a result with ``celeryops_exit``, which the action celeryops.systemd.fleet_state returns.
"""

from __future__ import annotations

from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: celeryops_exit
type: aggregate
short_description: The exit status that a task asks for
description:
  - Ends C(ansible-playbook) with the status that M(celeryops.systemd.fleet_state) asks for.
"""


class CallbackModule(CallbackBase):
    """Keeps the status that was asked for until the play has ended."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "celeryops_exit"

    def __init__(self) -> None:
        super().__init__()
        self._status = 0

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Keep the status of a failure that ends the play."""
        told = result._result  # the public name came with ansible-core 2.19
        if not ignore_errors:
            self._status = int(told.get("celeryops_exit", self._status))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """End with the status; not from the first callback on, so that the others have told theirs."""
        if self._status:
            raise SystemExit(self._status)
