#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.managed_files."""

from __future__ import annotations

DOCUMENTATION = r"""
module: managed_files
short_description: Bring many files, directories and links to a wanted state in one task
description:
  - Writes, changes and removes all listed paths in one round trip to the host, in the order given.
  - Removes what matches O(prune) and is not listed, so that what leaves the inventory leaves the host.
  - Files and links are replaced atomically. Missing parent directories are made with mode 0755.
  - When a content is secret, set C(no_log) on the task; the diff is then hidden too.
extends_documentation_fragment: celeryops.systemd.attributes.diff
options:
  files:
    description: The wanted paths; a path may be listed once.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where; absolute.
        type: str
        required: true
      state:
        description:
          - What is to be there.
          - V(absent) removes a directory with all it holds.
          - V(directory) accepts a link to a directory as it is.
        type: str
        choices: [file, directory, link, absent]
        default: file
      content:
        description: The whole content of a V(file), which needs it.
        type: str
      target:
        description: What a V(link) points to, which needs it. It need not exist.
        type: str
      mode:
        description: Octal digits in quotes. Unset keeps the mode; new files get 0644, new directories 0755.
        type: str
      owner:
        description: Name of the user that owns it. In check mode the user may be missing yet.
        type: str
      group:
        description: Name of the group that owns it. In check mode the group may be missing yet.
        type: str
      once:
        description: Write a V(file) only where nothing is; leave it alone afterwards.
        type: bool
        default: false
      diff:
        description: Show a V(file)'s content in the diff; when false, only that it changes.
        type: bool
        default: true
  prune:
    description:
      - Shell globs. What matches and is neither listed nor holds something listed is removed.
      - A directory is kept, with a warning, while a link two levels up names it or a process runs from it.
    type: list
    elements: str
    default: []
  run:
    description: The run of Ansible, where it has taken the lock on the host. The action fills it in.
    type: str
    default: ''
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: One environment file for each instance, and none for those that left
  celeryops.systemd.managed_files:
    files:
      - path: /etc/conf.d/celery
        state: directory
        owner: root
        group: celery
        mode: '0750'
      - path: /etc/conf.d/celery/worker-mail-prefork.env
        content: |
          CELERY_CONCURRENCY=4
        owner: root
        group: celery
        mode: '0640'
    prune:
      - /etc/conf.d/celery/worker-*.env
  register: environment_files
"""

RETURN = r"""
changed_paths:
  description: The paths that changed, or would in check mode; those that prune removed come last.
  type: list
  elements: str
  returned: success
  sample: [/etc/conf.d/celery/worker-mail-prefork.env]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import files, run_lock


class QuietModule(AnsibleModule):
    """A module that does not log its arguments on the host: whole files, and some of them secret."""

    def _log_invocation(self) -> None:
        """Log nothing."""


def main() -> None:
    """Run the module."""
    module = QuietModule(  # type: ignore[no-untyped-call]
        argument_spec=files.ARGUMENTS, supports_check_mode=True
    )
    done = []
    try:
        wanted = [files.entry(raw) for raw in module.params["files"]]
        changes = files.changes(wanted, module.params["prune"], keeps=module.warn)
        lost = run_lock.keep(module.params["run"]) if changes and not module.check_mode else {}
        if lost:
            module.fail_json(msg=run_lock.lost(lost))
        for change in changes:
            if not module.check_mode:
                change.apply()
            done.append(change.path)
    except (files.FileError, OSError) as error:
        module.fail_json(msg=str(error), changed=bool(done), changed_paths=done)
    result = {"changed": bool(changes), "changed_paths": done}
    if module._diff:
        result["diff"] = [diff for change in changes for diff in change.diff]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
