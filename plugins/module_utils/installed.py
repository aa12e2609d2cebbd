# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What of a release pip reads: releases that agree in it share a virtual environment.

It is the files of requirements and constraints with those that they include, the wheels, and the app where it
is installed itself. The rest of the app's code is not among it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping

from ansible_collections.celeryops.systemd.plugins.module_utils import hashed
from ansible_collections.celeryops.systemd.plugins.module_utils.artifact import Artifact, Member, fingerprint

_CONTINUED = re.compile(r"\\\n")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_OTHER = re.compile(r"(?:-r|--requirement|-c|--constraint)(?:[\s=]+|(?=\S))(\S+)")
# What a line names that is in the tree, or elsewhere on the host, and not on an index: a directory or a file.
_LOCAL = re.compile(
    r"file:|[./~]|[^\s:@]+/|[^\s@]+\s*@\s*file:|(?:-e|--editable|-f|--find-links)[\s=]*(?!\w+(?:\+\w+)?://)[^\s=]"
)


def identity(found: Artifact, wheels: Iterable[Member]) -> str:
    """Return what stands for all that pip reads; empty where that is in the release and cannot be shared.

    :param found: the artifact with its packages.
    :param wheels: of the wheelhouse.
    """
    files = {member.name: member for member in found.members}
    texts = _texts(files, [*hashed.FILES, found.requirements])
    if texts is None:
        return ""
    names = {*texts, *(name for name in files if name.startswith("package/"))}
    if hashed.TREE in found.packages:
        names |= {name for name in files if name.startswith("app/")}
    read = [files[name] for name in sorted(names)]
    return fingerprint([*read, *wheels], found.packages, found.requirements)


def _texts(files: Mapping[str, Member], names: Iterable[str]) -> list[str] | None:
    """Return the files of requirements; None where one names what pip would take from the host itself."""
    seen: list[str] = []
    todo = [name for name in names if name in files]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.append(name)
        for line in _lines(files[name].read().decode(errors="replace")):
            if other := _OTHER.match(line):
                if "://" in other[1]:
                    continue
                path = posixpath.normpath(posixpath.join(posixpath.dirname(name), other[1]))
                if path not in files:
                    return None
                todo.append(path)
            elif _LOCAL.match(line):
                return None
    return seen


def _lines(text: str) -> list[str]:
    joined = _CONTINUED.sub("", text.replace("\r\n", "\n"))
    return [line for each in joined.splitlines() if (line := _COMMENT.sub("", each).strip())]
