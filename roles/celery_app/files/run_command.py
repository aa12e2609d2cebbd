# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Becomes a command of the app, with the programs of its virtual environment first.

Reads a JSON object from stdin: argv, directory, virtualenv, and environment; no secret is in an argument.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

# As a shell has it.
NOT_FOUND = 127


def main() -> None:
    """Become the command; exit 127 where there is no such program."""
    asked: dict[str, Any] = json.load(sys.stdin)
    for name, value in asked["environment"].items():
        if value is not None:
            os.environ[name] = str(value).lower() if isinstance(value, bool) else str(value)
    os.environ["HOME"] = "/var/lib/celery"
    os.environ["PATH"] = f"{asked['virtualenv']}/bin:{os.environ.get('PATH', os.defpath)}"
    argv = [str(word) for word in asked["argv"]]
    try:
        os.chdir(asked["directory"])
        with Path(os.devnull).open() as nothing:
            os.dup2(nothing.fileno(), sys.stdin.fileno())
        os.execvp(argv[0], argv)
    except OSError as error:
        print(f"{argv[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(NOT_FOUND)


if __name__ == "__main__":
    main()
