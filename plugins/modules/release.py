#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.release."""

from __future__ import annotations

DOCUMENTATION = r"""
module: release
short_description: Build a release beside the others, and bring it to its place in one step
description:
  - V(begun) makes a directory of its own to build in, which no other run shares. V(complete) brings it to its
    place, C(releases/<id>), in one step. V(discarded) removes it.
  - Nothing that a link such as C(current) names, or from which a process runs, is removed or changed.
  - A release that another run has completed in the meantime stays as it is.
  - A warning tells of what an earlier run left while somebody still works there, such as the pip of a play
    that was killed. It goes with a later release.
extends_documentation_fragment: celeryops.systemd.attributes.build
options:
  id:
    description: Name of the release.
    type: str
    required: true
  state:
    description: What to do.
    type: str
    choices: [begun, complete, discarded]
    required: true
  directory:
    description: The directory that V(begun) returned.
    type: str
  marker:
    description: What C(.complete) is to hold, besides the name and the time.
    type: dict
    default: {}
  root:
    description: The directory that holds C(current) and C(releases).
    type: path
    default: /opt/celery
  run:
    description: The run of Ansible, where it has taken the lock on the host. The action fills it in.
    type: str
    default: ''
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Begin the release
  celeryops.systemd.release:
    id: 3f2b8c1d9a04
    state: begun
  register: building

- name: Bring the release to its place
  celeryops.systemd.release:
    id: 3f2b8c1d9a04
    state: complete
    directory: "{{ building['directory'] }}"
  when: building['directory'] | length > 0
"""

RETURN = r"""
directory:
  description: Where to build; empty when the release is complete already.
  type: str
  returned: when O(state=begun)
"""

import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import releases, run_lock


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "id": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["begun", "complete", "discarded"], "required": True},
            "directory": {"type": "str"},
            "marker": {"type": "dict", "default": {}},
            "root": {"type": "path", "default": "/opt/celery"},
            **run_lock.KEEPER,
        },
        required_if=[("state", "complete", ["directory"]), ("state", "discarded", ["directory"])],
    )
    asked = module.params
    root, name = Path(asked["root"]), asked["id"]
    try:
        # What this run has built is its own to remove, whoever has the host now.
        lost = run_lock.keep(asked["run"]) if asked["state"] != "discarded" else {}
        if lost:
            module.fail_json(msg=run_lock.lost(lost))
        if asked["state"] == "begun":
            directory = releases.begin(root, name, keeps=module.warn)
            module.exit_json(changed=bool(directory), directory=directory)
        building = Path(asked["directory"])
        if asked["state"] == "discarded":
            releases.discard(root, building)
            module.exit_json(changed=True)
        created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        marker = {"id": name, **asked["marker"], "created": created}
        module.exit_json(changed=releases.finish(root, name, building, marker))
    except (releases.ReleaseError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
