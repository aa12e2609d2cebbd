# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What modules do in check mode and with a diff; literal, because ansible-test reads it so."""

from __future__ import annotations


class ModuleDocFragment:
    """The name by which Ansible finds it; a module names another of its texts after a dot."""

    # Those that look, and those that change what no diff shows.
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in check mode and tell what would change, without changing it.
    support: full
  diff_mode:
    description: Shows what has changed, or would change in check mode, when in diff mode.
    support: none
  platform:
    description: Families of operating systems that it works on.
    platforms: posix
    support: full
"""

    DIFF = r"""
attributes:
  check_mode:
    description: Can run in check mode and tell what would change, without changing it.
    support: full
  diff_mode:
    description: Shows what has changed, or would change in check mode, when in diff mode.
    support: full
  platform:
    description: Families of operating systems that it works on.
    platforms: posix
    support: full
"""

    # A release that is being built: there is nothing to look at before.
    BUILD = r"""
attributes:
  check_mode:
    description: Can run in check mode and tell what would change, without changing it.
    support: none
  diff_mode:
    description: Shows what has changed, or would change in check mode, when in diff mode.
    support: none
  platform:
    description: Families of operating systems that it works on.
    platforms: posix
    support: full
"""
