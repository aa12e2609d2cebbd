# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What pip installs, as files that may hold hashes, and the app itself where it needs one.

The app comes first. What is installed beside it bounds what pip may choose for the app, and is then added
where it is missing: its extras do not fight with what the app asks for.

As soon as one requirement has a hash, pip wants one for each (pip.pypa.io, "Secure installs"). It has none
for a directory. Of two entries of one name the first decides: what the app pins comes before the others.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from ansible_collections.celeryops.systemd.plugins.module_utils.artifact import Artifact, Member, packed
from ansible_collections.celeryops.systemd.plugins.module_utils.target import ArtifactError

# What the app names itself, what is installed beside it, and how that bounds both.
OWN, PACKAGES, BOUNDS = "own.txt", "packages.txt", "bounds.txt"
FILES = (OWN, PACKAGES, BOUNDS)
# Of the oldest Celery that is supported. Without it pip tries ever older ones, whose extras ask for less.
_OLDEST_KOMBU = "kombu>=5.5"
_REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^]]*\])?\s*([^@\s;#][^;#]*)?(;[^#]*)?(?:\s#.*)?")
TREE, PACKED_TREE = "./app", "package/app.tar.gz"
_HASHES = re.compile(r"(?:^|\s)--(?:hash[=\s]|require-hashes)")
_INCLUDED = re.compile(r"^\s*(?:-r|--requirement)[\s=]*(\S+)", re.MULTILINE)
# A line break begins another requirement, and a backslash at the end joins the next one to this.
_NOT_ONE_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]|\\\s*$")


@dataclass(frozen=True)
class Words:
    """What pip is told.

    :param options: whatever it installs.
    :param packages: of the app.
    :param beside: the file of what comes beside them; empty where all is installed at once.
    """

    options: list[str]
    packages: list[str]
    beside: str


def with_packages(found: Artifact, packages: Sequence[str]) -> Artifact:
    """Return the artifact with what the app names and what is installed beside it in files.

    :param packages: requirements as a file of them has them, each with its hashes if it has any.
    :raises ArtifactError: one is more than a line.
    """
    trees = tuple(name for name in found.packages if name.startswith("./"))
    own = [name for name in found.packages if name not in trees]
    for line in (*packages, *own):
        if _NOT_ONE_LINE.search(line):
            fix = "write it on one, with its hashes"
            raise ArtifactError(f"celery_app_packages = {line!r}: more than one line; {fix}")
    files = [_file(OWN, own), _file(PACKAGES, packages)]
    members = (*found.members, *(file for file in files if file.read()))
    whole = replace(found, members=members, packages=trees)
    if _wants_hashes(whole):
        return _with_own_hash(whole)
    bounds = _file(BOUNDS, bounds_of(packages))
    return replace(whole, members=(*members, bounds)) if bounds.read() else whole


def _file(name: str, lines: Iterable[str]) -> Member:
    content = "".join(f"{line}\n" for line in lines).encode()
    return Member(name, lambda: content)


def bounds_of(packages: Iterable[str]) -> list[str]:
    """Return the constraints that requirements are: without extras, which a constraint cannot have."""
    found = [match for line in packages if (match := _REQUIREMENT.fullmatch(line.strip()))]
    lines = [
        f"{name}{bound.strip()}{marker or ''}"
        for name, bound, marker in (one.groups() for one in found)
        if bound
    ]
    return [*lines, _OLDEST_KOMBU] if any(one[1].lower() == "celery" for one in found) else lines


def arguments(found: Artifact, directory: str) -> Words:
    """Return what pip is told for a release in this directory."""
    names = {member.name for member in found.members}
    files = {name: f"{directory}/{name}" for name in (found.requirements, OWN, PACKAGES) if name in names}
    paths = [_placed(name, directory) for name in found.packages]
    beside = files.pop(PACKAGES, "") if (len(files) > 1 or paths) and not _wants_hashes(found) else ""
    return Words(
        _bounded(names, directory), [f"--requirement={file}" for file in files.values()] + paths, beside
    )


def _bounded(names: Iterable[str], directory: str) -> list[str]:
    return [f"--constraint={directory}/{BOUNDS}"] if BOUNDS in names else []


def _placed(name: str, directory: str) -> str:
    path, mark, digest = name[2:].partition("#")
    return f"file://{directory}/{quote(path)}{mark}{digest}" if mark else f"{directory}/{path}"


def _wants_hashes(found: Artifact) -> bool:
    """Whether pip checks hashes: some requirement has one, also in a file that another one includes."""
    files = {member.name: member for member in found.members}
    return any(_HASHES.search(text) for text in _texts(files, [OWN, PACKAGES, found.requirements]))


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
