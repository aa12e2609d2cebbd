#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.app_artifact."""

from __future__ import annotations

DOCUMENTATION = r"""
module: app_artifact
short_description: Make one file of an app, for hosts to unpack, and name the release after its content
description:
  - Runs on the controller. Reads the app from where it is, checks that it holds the module that Celery is to
    load, and packs it into one tarball in a cache directory, with the wheelhouse if there is one.
  - The same content gives the same release on any controller, so a host that has it needs no upload.
  - Changes nothing but the cache, in check mode too.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  source:
    description: Where the app is. Paths and repositories are as the controller sees them.
    type: dict
    required: true
    suboptions:
      type:
        description:
          - V(directory) takes a directory, V(git) a repository that the controller's git can read.
          - V(archive) takes an sdist or a wheel, V(requirement) what pip can find.
        type: str
        choices: [directory, archive, git, requirement]
        required: true
      path:
        description: The directory that holds the app's package, or the archive. Absolute, or from C(~).
        type: str
      exclude:
        description: Shell globs of names or paths in the directory that stay behind, beside the usual ones.
        type: list
        elements: str
        default: []
      repo:
        description: URL of the git repository.
        type: str
      version:
        description: Commit, tag or branch.
        type: str
        default: HEAD
      subdirectory:
        description: The directory in the repository that holds the app's package.
        type: str
      requirements:
        description: The requirements file in the tree; C(requirements.txt) is found by itself.
        type: str
      name:
        description: The requirement, such as V(shop==1.4.2).
        type: str
  target:
    description: What C(celery -A) takes; a directory or repository has to hold its module.
    type: str
    required: true
  packages:
    description: Requirements that are installed beside the app, each as a line of a file, maybe with hashes.
    type: list
    elements: str
    default: []
  python:
    description: The Python that the hosts use; another one makes another release.
    type: str
    default: python3
  wheelhouse:
    description:
      - Directory or tarball with every wheel that the app needs, for hosts without a package index.
      - Absolute, or from C(~).
    type: str
  release:
    description: Name of the release, instead of one made from the content.
    type: str
  releases:
    description: The directory on the hosts that holds the releases.
    type: path
    default: /opt/celery/releases
  cache:
    description: The directory on the controller that keeps clones and tarballs.
    type: path
    default: ~/.cache/celeryops
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Pack the app
  celeryops.systemd.app_artifact:
    source:
      type: git
      repo: https://git.example.org/shop.git
      version: v1.4.2
    target: shop.celery:app
    packages: ["celery[redis]>=5.5,<5.8", tzdata]
  delegate_to: localhost
  run_once: true
  register: artifact
"""

RETURN = r"""
release:
  description: Name of the release.
  type: str
  returned: success
  sample: 3f2b8c1d9a04
directory:
  description: Where the release goes on a host.
  type: str
  returned: success
  sample: /opt/celery/releases/3f2b8c1d9a04
source:
  description: What the release is made of, in words and without the login of a URL.
  type: str
  returned: success
  sample: git https://git.example.org/shop.git v1.4.2
path:
  description: The tarball on the controller.
  type: str
  returned: success
installed:
  description:
    - What stands for all that pip reads of the release - requirements, constraints, wheels, and the app where
      it is installed itself. Releases that agree in it share a virtual environment.
    - Empty where a requirement is a path, so that what is installed belongs to this release alone.
  type: str
  returned: success
  sample: 9c1185a5c5e9
pip_packages:
  description: What pip installs into the release's virtual environment.
  type: list
  elements: str
  returned: success
  sample: ["--requirement=/opt/celery/releases/3f2b8c1d9a04/packages.txt"]
pip_arguments:
  description: Arguments for pip, such as the requirements file and the wheelhouse.
  type: list
  elements: str
  returned: success
  sample: [-r, /opt/celery/releases/3f2b8c1d9a04/app/requirements.txt]
"""

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import (
    artifact,
    hashed,
    hide,
    installed,
    target,
)

SOURCE_OPTIONS = {
    "type": {"type": "str", "choices": ["directory", "archive", "git", "requirement"], "required": True},
    "path": {"type": "str"},
    "exclude": {"type": "list", "elements": "str", "default": []},
    "repo": {"type": "str"},
    "version": {"type": "str", "default": "HEAD"},
    "subdirectory": {"type": "str"},
    "requirements": {"type": "str"},
    "name": {"type": "str"},
}
SOURCE_NEEDS = [
    ("type", "directory", ["path"]),
    ("type", "archive", ["path"]),
    ("type", "git", ["repo"]),
    ("type", "requirement", ["name"]),
]


def run(module: AnsibleModule) -> dict[str, object]:
    """Pack the app and return what the module says."""
    wanted = module.params
    source = {key: value for key, value in wanted["source"].items() if value is not None}
    cache = Path(wanted["cache"])
    found = hashed.with_packages(artifact.read_source(source, wanted["target"], cache), wanted["packages"])
    wheels = artifact.wheelhouse_members(wanted["wheelhouse"]) if wanted["wheelhouse"] else []
    members = [*found.members, *wheels]
    identity = artifact.fingerprint(members, found.packages, found.requirements, wanted["python"])
    release = wanted["release"] or identity
    if not artifact.RELEASE.fullmatch(release):
        fix = "use at most 64 letters, digits, dots, dashes and underscores"
        raise target.ArtifactError(f"celery_app_release = {release}: cannot name a directory; {fix}")
    path = cache / "bundles" / f"{identity}.tar.gz"
    artifact.ask_for(members, path)
    directory = f"{wanted['releases']}/{release}"
    arguments, packages = hashed.arguments(found, directory)
    if wheels:
        arguments += ["--no-index", "--find-links", f"{directory}/wheels"]
    return {
        "release": release,
        "directory": directory,
        "source": artifact.described(source),
        "path": str(path),
        "installed": installed.identity(found, wheels),
        "pip_packages": packages,
        "pip_arguments": arguments,
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "source": {
                "type": "dict",
                "required": True,
                "options": SOURCE_OPTIONS,
                "required_if": SOURCE_NEEDS,
            },
            "target": {"type": "str", "required": True},
            "packages": {"type": "list", "elements": "str", "default": []},
            "python": {"type": "str", "default": "python3"},
            "wheelhouse": {"type": "str"},
            "release": {"type": "str"},
            "releases": {"type": "path", "default": "/opt/celery/releases"},
            "cache": {"type": "path", "default": "~/.cache/celeryops"},
        },
        supports_check_mode=True,
    )
    hide.hide(module, artifact.logins(module.params["source"]))
    try:
        module.exit_json(changed=False, **run(module))
    except (target.ArtifactError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
