# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A random key of this run of Ansible, which its tasks share and no result shows."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

NAME = "celeryops-key"


def run_key(directory: Path) -> str:
    """Return the key; whichever task asks first makes it.

    :param directory: of this run and its user alone, gone when the run ends.
    """
    place, made = directory / NAME, directory / f".{NAME}-{os.getpid()}"
    if not place.exists():
        handle = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as stream:
            stream.write(secrets.token_hex(32))
        with suppress(FileExistsError):  # another task was faster: its key is the run's
            place.hardlink_to(made)
        made.unlink()
    return place.read_text()
