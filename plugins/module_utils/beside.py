# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What of some requirements is missing in a virtual environment, and what there keeps it out.

pip could be asked, but it walks through the versions of all packages before it says that nothing fits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

# Runs in the environment, whose pip brings what reads requirements; no dollar sign, for that is systemd's.
PROGRAM = """\
import json, sys
from importlib import metadata
from pip._vendor.packaging.requirements import InvalidRequirement, Requirement

missing, conflicts, todo = [], [], []
for line in open(sys.argv[1], encoding="utf-8"):
    try:
        need = Requirement(line.partition(" #")[0].strip())
    except InvalidRequirement:
        missing.append(line.strip())
    else:
        if need.marker is None or need.marker.evaluate({"extra": ""}):
            todo.append((need, ""))
while todo:
    need, by = todo.pop()
    need.marker = None
    try:
        has = metadata.version(need.name)
    except metadata.PackageNotFoundError:
        missing.append(str(need))
        continue
    if not need.specifier.contains(has, prereleases=True):
        conflicts.append([by or "celery_app_packages", str(need), need.name + " " + has])
    for extra in need.extras:
        for text in metadata.requires(need.name) or ():
            other = Requirement(text)
            marker = other.marker
            if marker and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
                todo.append((other, need.name + "[" + extra + "] " + has))
try:
    celery = metadata.version("celery")
except metadata.PackageNotFoundError:
    celery = ""
print(json.dumps({"missing": missing, "conflicts": conflicts, "celery": celery}))
"""
_OF_CELERY = ("celery[", "kombu[")


@dataclass(frozen=True)
class Found:
    """What the program found.

    :param missing: requirements of which nothing is installed.
    :param conflicts: who depends on what, and what is installed instead.
    :param celery: the version of Celery; empty without one.
    """

    missing: list[str]
    conflicts: list[list[str]]
    celery: str

    def older(self) -> list[str]:
        """Return the constraints of a Celery that may ask for less; empty where none would help."""
        if not self.celery or not all(by.startswith(_OF_CELERY) for by, _need, _has in self.conflicts):
            return []
        series = ".".join(self.celery.split(".")[:2])
        return [f"celery<{series}", f"kombu<{series}"]

    def told(self) -> str:
        """Return the conflicts in the form that pip gives them."""
        lines = [
            f"    {by} depends on {need}\n    the app requires {has}\n" for by, need, has in self.conflicts
        ]
        return f"The conflict is caused by:\n{''.join(lines)}\n"


def found(said: str) -> Found:
    """Return what the program found, of what it said."""
    return Found(**json.loads(said.strip().splitlines()[-1]))
