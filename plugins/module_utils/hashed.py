# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What pip installs beside the app, as a file that may hold hashes, and the app itself where it needs one.

As soon as one requirement has a hash, pip wants one for each (pip.pypa.io, "Secure installs"). It has none
for a directory. Of two entries of one name the first decides: what the app pins comes before the others.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

from ansible_collections.celeryops.systemd.plugins.module_utils.artifact import Artifact, Member, packed
from ansible_collections.celeryops.systemd.plugins.module_utils.target import ArtifactError

PACKAGES = "packages.txt"
TREE, PACKED_TREE = "./app", "package/app.tar.gz"
_HASHES = re.compile(r"(?:^|\s)--(?:hash[=\s]|require-hashes)")
_INCLUDED = re.compile(r"^\s*(?:-r|--requirement)[\s=]*(\S+)", re.MULTILINE)
# A line break begins another requirement, and a backslash at the end joins the next one to this.
_NOT_ONE_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]|\\\s*$")


def with_packages(found: Artifact, packages: Sequence[str]) -> Artifact:
    """Return the artifact with what is installed beside it in a file, ``packages.txt``.

    :param packages: requirements as a file of them has them, each with its hashes if it has any.
    :raises ArtifactError: one is more than a line.
    """
    own = tuple(name for name in found.packages if name.startswith("./"))
    beside = [*packages, *(name for name in found.packages if name not in own)]
    for line in beside:
        if _NOT_ONE_LINE.search(line):
            fix = "write it on one, with its hashes"
            raise ArtifactError(f"celery_app_packages = {line!r}: more than one line; {fix}")
    if not beside:
        return found
    content = "".join(f"{line}\n" for line in beside).encode()
    file = Member(PACKAGES, lambda: content)
    whole = replace(found, members=(*found.members, file), packages=own)
    return _with_own_hash(whole) if _wants_hashes(whole) else whole


def arguments(found: Artifact, directory: str) -> tuple[list[str], list[str]]:
    """Return pip's options and packages, for a release in this directory."""
    files = {member.name for member in found.members}
    options = ["-r", f"{directory}/{found.requirements}"] if found.requirements else []
    beside = [f"--requirement={directory}/{PACKAGES}"] if PACKAGES in files else []
    return options, [*beside, *(_placed(name, directory) for name in found.packages)]


def _placed(name: str, directory: str) -> str:
    path, mark, digest = name[2:].partition("#")
    return f"file://{directory}/{quote(path)}{mark}{digest}" if mark else f"{directory}/{path}"


def _wants_hashes(found: Artifact) -> bool:
    """Whether pip checks hashes: some requirement has one, also in a file that another one includes."""
    files = {member.name: member for member in found.members}
    return any(_HASHES.search(text) for text in _texts(files, [PACKAGES, found.requirements]))


def _texts(files: Mapping[str, Member], names: Iterable[str]) -> list[str]:
    seen: dict[str, str] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in seen or name not in files:
            continue
        seen[name] = files[name].read().decode(errors="replace")
        place = posixpath.dirname(name)
        todo += [posixpath.normpath(posixpath.join(place, other)) for other in _INCLUDED.findall(seen[name])]
    return list(seen.values())


def _with_own_hash(found: Artifact) -> Artifact:
    """Return the artifact with its own package as a file, named with its hash."""
    members = list(found.members)
    if TREE in found.packages:
        content = packed(member for member in members if member.name.startswith("app/"))
        members.append(Member(PACKED_TREE, lambda: content))
    files = {member.name: member for member in members}
    names = [f"./{PACKED_TREE}" if name == TREE else name for name in found.packages]
    marked = [f"{name}#sha256={hashlib.sha256(files[name[2:]].read()).hexdigest()}" for name in names]
    return replace(found, members=tuple(members), packages=tuple(marked))
