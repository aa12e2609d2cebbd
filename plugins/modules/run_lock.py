#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.run_lock."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_lock
short_description: Let one run of a playbook at a time change a host
description:
  - Takes the lock C(/run/celeryops.lock). Where another run holds it, the play ends, and is told who holds it
    since when.
  - The lock is free again when the run releases it, when the same controller finds that the process of the
    run has ended, when its lease is over, and after a reboot.
  - A run takes its own lock again, and its lease begins anew. In check mode nothing is taken or refused.
  - The action of this name fills in who runs.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  holder:
    description: Who runs. The action fills it in.
    type: dict
    default: {}
  ended:
    description: A run that is known to have ended. The action fills it in.
    type: str
    default: ''
  lease:
    description: Seconds after which the lock is free whatever became of its holder. Long waits prolong it.
    type: int
    default: 3600
  broken:
    description: Whether to take the lock from whoever holds it, the variable C(run_lock_break).
    type: bool
    default: false
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Take the lock on the host
  celeryops.systemd.run_lock:
"""

RETURN = r"""
held_by:
  description: The run that holds the host, where another one does.
  returned: when the host is held
  type: dict
run:
  description: The id of the run that has the lock now, also as the fact C(celeryops_run).
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import run_lock


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=run_lock.ARGUMENTS, supports_check_mode=True)
    asked = module.params
    found = {} if module.check_mode else run_lock.take(**asked)
    if found:
        module.exit_json(changed=False, held_by=found)
    run = asked["holder"].get("run", "")
    module.exit_json(changed=False, run=run, ansible_facts={"celeryops_run": run})


if __name__ == "__main__":
    main()
