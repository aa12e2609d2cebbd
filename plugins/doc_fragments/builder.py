# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Options of the modules that build virtual environments."""

from __future__ import annotations


class ModuleDocFragment:
    """The name by which Ansible finds it."""

    DOCUMENTATION = r"""
options:
  builder:
    description:
      - Who builds, and in what sandbox. The action fills in the user C(celery-build), in a sandbox as strict
        as a worker's, with the network and without a look at secrets, state and logs.
      - Its cache is C(/var/cache/celery-build), a directory in it for each kind of build; no other
        build writes there.
    type: dict
    suboptions:
      user:
        description: The user, who is made where there is none.
        type: str
        required: true
      command:
        description:
          - The words before each program that is run. In them C({directory}) and C({environment}) stand for
            the directory that is written and for the file with the environment.
        type: list
        elements: str
        required: true
"""
