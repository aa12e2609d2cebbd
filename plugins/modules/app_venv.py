#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.app_venv."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_venv
short_description: Make the virtual environment of a release that is being built
description:
  - Makes C(venv) in O(directory) and installs the app and what it needs into it.
  - Nothing that pip fetches or builds runs as root. C(app), C(package) and C(venv) belong to the user of
    O(builder) while pip runs, and to root from then on; nobody else may write there.
  - What pip is told by root's configuration files, and by the environment of the task, holds.
extends_documentation_fragment: [celeryops.systemd.attributes.build, celeryops.systemd.builder]
options:
  directory:
    description: The directory that M(celeryops.systemd.release) returned, with the app unpacked in it.
    type: path
    required: true
  python:
    description: The interpreter that the environment is made with.
    type: str
    default: python3
  packages:
    description: What pip installs.
    type: list
    elements: str
    default: []
  arguments:
    description: Arguments of pip, which are split as a shell would.
    type: list
    elements: str
    default: []
seealso:
  - module: celeryops.systemd.release
  - module: celeryops.systemd.tool_venv
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Install the app's packages
  celeryops.systemd.app_venv:
    directory: "{{ building['directory'] }}"
    packages: ["celery[redis]", "{{ building['directory'] }}/app"]
"""

RETURN = r"""
path:
  description: The environment.
  returned: success
  type: str
"""

import shlex
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import builder

# A tree is built in its place, and an sdist is unpacked beside itself.
BUILT_IN_PLACE = ("app", "package")
TOLD_LINES = 200


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "python": {"type": "str", "default": "python3"},
            "packages": {"type": "list", "elements": "str", "default": []},
            "arguments": {"type": "list", "elements": "str", "default": []},
            "builder": builder.OPTION,
        },
    )
    asked = module.params
    directory = Path(asked["directory"])
    venv, own = directory / "venv", [directory / name for name in BUILT_IN_PLACE]
    words = [*shlex.split(" ".join(asked["arguments"])), *asked["packages"]]
    try:
        builder.build(asked["builder"], directory, venv, asked["python"], words, own)
    except builder.BuildError as error:
        module.fail_json(msg="\n".join([str(error), *error.said.splitlines()[-TOLD_LINES:]]))
    except OSError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True, path=str(venv))


if __name__ == "__main__":
    main()
