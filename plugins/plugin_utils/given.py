# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a filter says of an argument of a wrong type. Which filter it is, Ansible says of any error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def dictionaries(**values: object) -> None:
    """Raise a TypeError for the first of the arguments that is no dictionary, by its name."""
    for name, value in values.items():
        if not isinstance(value, Mapping):
            raise TypeError(f"{name} must be a dictionary, not {type(value).__name__}")


def lists(**values: object) -> None:
    """Raise a TypeError for the first of the arguments that is no list, by its name; text is none."""
    for name, value in values.items():
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise TypeError(f"{name} must be a list, not {type(value).__name__}")
