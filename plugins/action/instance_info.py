# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.instance_info: see plugins/modules/instance_info.py."""

from __future__ import annotations

from ansible_collections.celeryops.systemd.plugins.action.release import ActionModule as Keeper


class ActionModule(Keeper):
    """Tells the module which run this is, whose lock it keeps while others restart."""
