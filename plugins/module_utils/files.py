# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Many files brought to a wanted state in one look: first what would change, then the change.

What check mode predicts is the same list that a real run applies.
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import in_use, paths, run_lock

DIFF_LIMIT = 100_000
NEW_FILE_MODE = 0o644
NEW_DIRECTORY_MODE = paths.NEW_DIRECTORY_MODE

# The arguments of the module managed_files.
ENTRY: dict[str, Any] = {
    "path": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["file", "directory", "link", "absent"], "default": "file"},
    "content": {"type": "str"},
    "target": {"type": "str"},
    "mode": {"type": "str"},
    "owner": {"type": "str"},
    "group": {"type": "str"},
    "once": {"type": "bool", "default": False},
    "diff": {"type": "bool", "default": True},
}
ARGUMENTS: dict[str, Any] = {
    "files": {"type": "list", "elements": "dict", "default": [], "options": ENTRY},
    "prune": {"type": "list", "elements": "str", "default": []},
    **run_lock.KEEPER,
}

Diff = dict[str, str]


class FileError(Exception):
    """What is asked for cannot be; the text says why."""


@dataclass(frozen=True)
class Entry:
    """One wanted path. ``mode``, ``owner`` and ``group`` of None leave what is there."""

    path: str
    state: str = "file"
    content: str = ""
    target: str = ""
    mode: int | None = None
    owner: str | None = None
    group: str | None = None
    once: bool = False
    diff: bool = True


@dataclass(frozen=True)
class Change:
    """A path that differs from what is wanted, how it differs, and what fixes it."""

    path: str
    diff: list[Diff]
    apply: Callable[[], None] = field(compare=False)


@dataclass(frozen=True)
class Found:
    """What lies at a path."""

    kind: str
    mode: int
    owner: str
    group: str


def entry(raw: dict[str, Any]) -> Entry:
    """Read one item of the module's ``files``; FileError when it contradicts itself."""
    given = {key: value for key, value in raw.items() if value is not None}
    path = "/" + os.path.normpath(given["path"]).lstrip("/")
    top = path.count("/") == 1
    if not given["path"].startswith("/") or (top and given.get("state") == "absent"):
        raise FileError(f"path = {given['path']}: must be absolute, and not a top directory to be removed")
    state = given.get("state", "file")
    for key, its_state in (("content", "file"), ("target", "link")):
        if (key in given) != (state == its_state):
            raise FileError(f"{path}: state = {state}: {key} is needed by {its_state}, and only there")
    try:
        mode = int(given["mode"], 8) if "mode" in given else None
    except ValueError:
        raise FileError(f"{path}: mode = {given['mode']}: must be octal digits, quoted: '0640'") from None
    return Entry(**{**given, "path": path, "mode": mode})


def changes(
    entries: Iterable[Entry], prune: Iterable[str], keeps: Callable[[str], object] = bool
) -> list[Change]:
    """Return what differs from the wanted entries, and what matches ``prune`` without being wanted.

    :param prune: shell globs; a match is kept when it is wanted or holds something wanted, and a directory
        while somebody needs it, as ``in_use.why`` tells.
    :param keeps: is told why such a directory is kept.
    """
    wanted: dict[str, Entry] = {}
    for item in entries:
        if item.path in wanted:
            raise FileError(f"{item.path}: listed twice")
        wanted[item.path] = item
    result = [change for item in wanted.values() for change in [_change(item)] if change is not None]
    kept = [path for path, item in wanted.items() if item.state != "absent"]
    matches = {str(match) for pattern in prune for match in Path("/").glob(pattern.lstrip("/"))}
    gone: set[str] = set()
    for path in sorted(matches - set(wanted)):
        if any(other.startswith(path + "/") for other in kept):
            continue
        if Path(path).is_dir() and (needs := in_use.why(path, gone)):
            keeps(f"{path} is kept: {needs}")
        else:
            gone.add(path)
            result.append(_removal(path))
    return result


def look(path: str, follow: bool = False) -> Found | None:
    """Return what lies at ``path``, None when nothing does.

    :param follow: tell of the directory that a link of root's leads to.
    :raises paths.LinkError: the path leads through a link that others than root could have placed.
    """
    try:
        if follow:
            with paths.directory(path) as handle:
                found = os.fstat(handle)
        else:
            found = paths.status(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    kinds = ((stat.S_ISLNK, "link"), (stat.S_ISDIR, "directory"), (stat.S_ISREG, "file"))
    kind = next((name for test, name in kinds if test(found.st_mode)), "other")
    owner, group = _name(pwd.getpwuid, found.st_uid), _name(grp.getgrgid, found.st_gid)
    return Found(kind, stat.S_IMODE(found.st_mode), owner, group)


def _name(by_id: Callable[[int], Any], number: int) -> str:
    try:
        return str(by_id(number)[0])
    except KeyError:
        return str(number)


def _change(item: Entry) -> Change | None:
    found = look(item.path)
    if item.state == "absent":
        return _removal(item.path, item.diff) if found else None
    if item.state == "link":
        return _link_change(item, found)
    if item.state == "directory":
        return _directory_change(item, found)
    if item.once and found:
        return None
    return _file_change(item, found)


def _link_change(item: Entry, found: Found | None) -> Change | None:
    if found and found.kind == "directory":
        raise FileError(f"{item.path}: is a directory where a link to {item.target} is wanted; move it away")
    before = paths.target(item.path) if found and found.kind == "link" else ""
    if before == item.target:
        return None
    diff = _diff(item.path, _line(before), _line(item.target))
    return Change(item.path, [diff], lambda: paths.link(item.path, item.target))


def _directory_change(item: Entry, found: Found | None) -> Change | None:
    # An operator may have moved the directory to another disk behind a link of root's: the link stays.
    real = look(item.path, follow=True) if found and found.kind == "link" else found
    if real and real.kind != "directory":
        raise FileError(f"{item.path}: is a {real.kind} where a directory is wanted; move it away")
    diff = _attribute_diff(item, real, "directory", NEW_DIRECTORY_MODE)
    return Change(item.path, [diff], lambda: _write_directory(item)) if diff else None


def _file_change(item: Entry, found: Found | None) -> Change | None:
    if found and found.kind == "directory":
        raise FileError(f"{item.path}: is a directory where a file is wanted; move it away")
    same_kind = found if found and found.kind == "file" else None
    try:
        before, after = paths.read(item.path) if same_kind else b"", item.content.encode()
    except paths.LinkError:  # a hard link of a service's: replaced, and what it names neither read nor kept
        return _file_change(item, None)
    shown = (_text(before), _text(after)) if item.diff else _hidden(before)
    attributes = _attribute_diff(item, same_kind, "file", NEW_FILE_MODE)
    diffs = [_diff(item.path, *shown)] if before != after else []
    if attributes and diffs and not same_kind:
        # One block for a new file: what it holds, and in its heading whose it is.
        diffs[0]["after_header"] += f" ({', '.join(attributes['after'].splitlines()[1:])})"
    elif attributes:
        diffs.append(attributes)
    return Change(item.path, diffs, lambda: _write_file(item, same_kind)) if diffs else None


def _attribute_diff(item: Entry, found: Found | None, kind: str, new_mode: int) -> Diff | None:
    """Compare by name, so that an owner that does not exist yet is a difference and not an error."""
    before = {"state": kind, "mode": found.mode, "owner": found.owner, "group": found.group} if found else {}
    wanted = {"state": kind, "mode": item.mode, "owner": item.owner, "group": item.group}
    after = {**before, **{key: value for key, value in wanted.items() if value is not None}}
    if after == before:
        return None
    if not found:
        after.setdefault("mode", new_mode)
    return _diff(f"{item.path} (attributes)", _attributes(before), _attributes(after))


def _attributes(values: dict[str, Any]) -> str:
    return "".join(f"{key}: {f'{value:04o}' if key == 'mode' else value}\n" for key, value in values.items())


def _removal(path: str, show: bool = True) -> Change:
    found = look(path)
    kind = found.kind if found else "other"
    try:
        before = _line(kind)
        if kind == "file":
            content = paths.read(path)
            before = _text(content) if show else _hidden(content)[0]
    except paths.LinkError:
        before = _line("hard link")
    if kind == "link":
        before = _line(paths.target(path))
    return Change(path, [_diff(path, before, "")], lambda: paths.remove(path))


def _text(content: bytes) -> str:
    if len(content) > DIFF_LIMIT:
        return f"({len(content)} bytes)\n"
    return content.decode(errors="replace")


def _hidden(before: bytes) -> tuple[str, str]:
    """Return what tells that a secret changes; no hash, by which a guess could be tried."""
    return ("(not shown)\n", "(not shown, changed)\n") if before else ("", "(not shown)\n")


def _line(text: str) -> str:
    return f"{text}\n" if text else ""


def _diff(path: str, before: str, after: str) -> Diff:
    return {"before_header": path, "after_header": path, "before": before, "after": after}


def _ids(item: Entry) -> list[int]:
    """Return uid and gid, -1 for "leave"."""
    try:
        uid = pwd.getpwnam(item.owner).pw_uid if item.owner else -1
        gid = grp.getgrnam(item.group).gr_gid if item.group else -1
    except KeyError as error:
        raise FileError(f"{item.path}: owner = {item.owner}, group = {item.group}: {error}") from None
    return [uid, gid]


def _write_file(item: Entry, found: Found | None) -> None:
    """Replace the file in one step: a reader sees the old or the new, an interrupted run leaves the old."""
    uid, gid = _ids(item)
    mode = item.mode
    if found:
        before = paths.status(item.path)
        uid, gid = (before.st_uid if uid < 0 else uid), (before.st_gid if gid < 0 else gid)
        mode = stat.S_IMODE(before.st_mode) if mode is None else mode
    paths.replace(item.path, item.content.encode(), NEW_FILE_MODE if mode is None else mode, uid, gid)


def _write_directory(item: Entry) -> None:
    uid, gid = _ids(item)
    paths.make_directory(item.path)
    with paths.directory(item.path) as handle:
        os.fchown(handle, uid, gid)
        if item.mode is not None:
            os.fchmod(handle, item.mode)
