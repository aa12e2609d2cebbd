#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.app_venv."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_venv
short_description: Make or find the virtual environment of a release that is being built
description:
  - Gives O(directory) its C(venv), with the app and what it needs installed.
  - Releases that agree in O(installed), in what pip is told, and in the host's Python and platform share one,
    in C(venvs) beside C(releases), and C(venv) is a link to it. Where it is there already, pip does not run.
  - Nothing that pip fetches or builds runs as root. C(app), C(package) and C(venv) belong to the user of
    O(builder) while pip runs, and to root from then on; nobody else may write there.
  - What pip is told by root's configuration files, and by the environment of the task, holds.
extends_documentation_fragment: [celeryops.systemd.attributes.build, celeryops.systemd.builder]
options:
  directory:
    description: The directory that M(celeryops.systemd.release) returned, with the app unpacked in it.
    type: path
    required: true
  installed:
    description:
      - What M(celeryops.systemd.app_artifact) returned for what pip reads of the release.
      - Empty makes an environment of this release's own, in it.
    type: str
    default: ''
  python:
    description: The interpreter that the environment is made with.
    type: str
    default: python3
  packages:
    description: What pip installs.
    type: list
    elements: str
    default: []
  beside:
    description:
      - A file of requirements that are added where they are missing, so that nothing of O(packages) changes.
      - Where the extras of Celery do not suit those, an older Celery is tried.
    type: path
    default: ''
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
    installed: "{{ artifact['installed'] }}"
    packages: ["celery[redis]", "{{ building['directory'] }}/app"]
"""

RETURN = r"""
path:
  description: The environment, not the link to it.
  returned: success
  type: str
built:
  description: Whether pip had to run.
  returned: success
  type: bool
"""

import shlex
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import builder, paths, virtualenvs

# A tree is built in its place, and an sdist is unpacked beside itself.
BUILT_IN_PLACE = ("app", "package")
TOLD_LINES = 200
# What pip says of each package that is well.
WELL = (
    "Collecting ",
    "Downloading ",
    "Looking in ",
    "Processing ",
    "Requirement already satisfied",
    "Using cached ",
)


def told(said: str) -> list[str]:
    """Return the lines of what was said that are not of packages which are well."""
    return [line for line in said.splitlines() if not line.strip().startswith(WELL)]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "directory": {"type": "path", "required": True},
            "installed": {"type": "str", "default": ""},
            "python": {"type": "str", "default": "python3"},
            "packages": {"type": "list", "elements": "str", "default": []},
            "beside": {"type": "path", "default": ""},
            "arguments": {"type": "list", "elements": "str", "default": []},
            "builder": builder.OPTION,
        },
    )
    asked = module.params
    directory, python = Path(asked["directory"]), asked["python"]
    venv, own = directory / "venv", [directory / name for name in BUILT_IN_PLACE]
    options = shlex.split(" ".join(asked["arguments"]))
    words = [*options, *asked["packages"]]
    beside = builder.Beside(asked["beside"], options) if asked["beside"] else None

    def build(place: Path) -> None:
        builder.build(asked["builder"], directory, place, python, words, own, beside)

    place, built = venv, True
    try:
        if asked["installed"]:
            name = virtualenvs.identity(asked["installed"], python, [*words, asked["beside"]], directory)
            place, built = virtualenvs.provide(directory.parents[1], name, build, keeps=module.warn)
            paths.link(str(venv), str(place))
        else:
            build(venv)
    except builder.BuildError as error:
        module.fail_json(msg="\n".join([str(error), *told(error.said)[-TOLD_LINES:]]))
    except (virtualenvs.InterpreterError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True, path=str(place), built=built)


if __name__ == "__main__":
    main()
