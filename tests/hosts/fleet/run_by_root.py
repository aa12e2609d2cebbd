# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs on a host as root, and writes as JSON the paths from which root runs something. Python 3.10.

What its processes run from and have mapped to run, the files of all units, and the commands of those that are
root's or have a part that is.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# What systemd reads as root to run something, whoever it then runs it as.
FILES = ("FragmentPath", "SourcePath", "DropInPaths", "EnvironmentFiles")
COMMANDS = (
    "ExecConditionEx", "ExecStartPreEx", "ExecStartEx", "ExecStartPostEx", "ExecReloadEx", "ExecStopEx",
    "ExecStopPostEx",
)  # fmt: skip
_COMMAND = re.compile(r"path=(?P<path>\S+) ; argv\[\]=(?P<words>.*?) ; flags=(?P<flags>[^;]*) ;")
# As root in spite of User=: systemd.service(5), the prefixes + and !.
AS_ROOT = {"privileged", "no-setuid"}
# Not run: what the half of the scaler that is the service's asks the half that is root's, which looks at it
# as at a stranger's.
DATA = {"/run/celery-scale/wanted.json"}


def of_processes() -> Iterator[str]:
    """Yield the programs and libraries of root's processes, and where they stand."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            status, mapped = (process / "status").read_text(), (process / "maps").read_text()
            if re.search(r"^Uid:\s+\d+\s+0\s", status, re.M):
                yield from (str((process / "exe").readlink()), str((process / "cwd").readlink()))
                yield from re.findall(r"^\S+ ..x. .*?(/.*)$", mapped, re.M)
        except OSError:  # a kernel's thread, or one that has ended
            continue


def of_units() -> Iterator[str]:
    """Yield the files of all units, and the commands that run as root with the files that they name."""
    wanted = ",".join(("Id", "User", "DynamicUser", *FILES, *COMMANDS))
    files = subprocess.run(
        ["systemctl", "list-unit-files", "--plain", "--no-legend"], capture_output=True, text=True, check=True
    ).stdout
    names = [line.split()[0] for line in files.splitlines() if "@." not in line]
    words = ["systemctl", "show", "--all", f"--property={wanted}", "--", *names, "*"]
    blocks = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split("\n\n")
    for block in blocks:
        pairs = [line.split("=", 1) for line in block.splitlines() if "=" in line]
        for key, value in pairs:
            if key in FILES:
                yield from re.findall(r"/[^ ]+", value)
        unit = dict(pairs)
        roots = unit.get("User", "") in ("", "root", "0") and unit.get("DynamicUser") != "yes"
        for key, value in pairs:
            for command in _COMMAND.finditer(value) if key in COMMANDS else ():
                if roots or AS_ROOT & set(command["flags"].split()):
                    yield command["path"]
                    yield from re.findall(r"(?<![^ =:])/[^ ,:]+", command["words"])


def main() -> None:
    """Tell."""
    found = {os.path.normpath(path) for path in (*of_processes(), *of_units()) if path.startswith("/")}
    files = (path for path in found - DATA if os.path.lexists(path) and not path.startswith("/proc/"))
    json.dump(sorted(files), sys.stdout)


if __name__ == "__main__":
    main()
