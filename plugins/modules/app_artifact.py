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
  description: What pip installs into the release's virtual environment for the app.
  type: list
  elements: str
  returned: success
  sample: ["--requirement=/opt/celery/releases/3f2b8c1d9a04/app/requirements.txt"]
pip_beside:
  description: The file of O(packages), to be added where missing; empty where all is installed at once.
  type: str
  returned: success
  sample: /opt/celery/releases/3f2b8c1d9a04/packages.txt
pip_arguments:
  description: Arguments for pip, such as the constraints that O(packages) are, and the wheelhouse.
  type: list
  elements: str
  returned: success
  sample: ["--constraint=/opt/celery/releases/3f2b8c1d9a04/bounds.txt"]
"""
