#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.tool_venv."""

from __future__ import annotations

DOCUMENTATION = r"""
module: tool_venv
short_description: Install a program of PyPI into a virtual environment of its own
description:
  - Builds a virtual environment below O(root), named after its packages and the host's Python.
  - Other packages make another environment beside it; the old one goes when the new one is complete.
  - Nothing that pip fetches runs as root. What is built becomes root's when it is complete.
  - An interrupted run leaves no environment that looks complete; the next run builds it anew.
extends_documentation_fragment: [celeryops.systemd.attributes, celeryops.systemd.builder]
options:
  root:
    description: The directory that holds the environments.
    type: path
    required: true
  packages:
    description: What pip installs, pinned.
    type: list
    elements: str
    required: true
  wheelhouse:
    description:
      - Directory or tarball on the host with every wheel needed; empty asks the index that pip knows.
    type: path
    default: ''
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Install Flower
  celeryops.systemd.tool_venv:
    root: /opt/celery/flower
    packages: ['flower==2.2.0', 'celery[redis]==5.7.0']
  register: flower
"""

RETURN = r"""
path:
  description: The environment; in check mode, where it would be.
  returned: success
  type: str
  sample: /opt/celery/flower/5d41402abc4b
missing:
  description: Whether it was, or in check mode is, not there.
  returned: success
  type: bool
"""

import shutil
import tarfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import builder, tool_venv


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "packages": {"type": "list", "elements": "str", "required": True},
            "wheelhouse": {"type": "path", "default": ""},
            "builder": builder.OPTION,
        },
        supports_check_mode=True,
    )
    packages = module.params["packages"]
    venv = tool_venv.place(Path(module.params["root"]), packages)
    missing, left = not tool_venv.is_complete(venv), tool_venv.others(venv)
    try:
        if missing and not module.check_mode:
            tool_venv.build(venv, packages, module.params["wheelhouse"], module.params["builder"])
        for old in left if not module.check_mode else []:
            shutil.rmtree(old)
    except (tool_venv.VenvError, tarfile.TarError, OSError) as error:
        fix = "fix the names, or what pip looks in: its index, or the wheelhouse"
        module.fail_json(msg=f"packages = {', '.join(packages)}: not installed; {fix}\n{error}")
    module.exit_json(changed=missing or bool(left), path=str(venv), missing=missing)


if __name__ == "__main__":
    main()
