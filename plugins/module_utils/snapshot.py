# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The snapshot of a host: what lay at many paths and what its units did when the run first looked at it.

It is a fact, and who wants files or units there compares with it instead of asking the host again. What
changes something on the host empties it. ``take`` is written for Python 3.8 too: a host that is too old has
to be able to say so.
"""

from __future__ import annotations

import grp
import hmac
import json
import pwd
import stat
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ansible_collections.celeryops.systemd.plugins.module_utils import paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from .files import Entry

# The fact that holds it, as JSON text: Ansible copies the facts of a host, value by value, at every task.
FACT = "celeryops_snapshot"
# The fact that tells what this run changed, by the task that did: units that read it restart.
CHANGED = "celeryops_changed_paths"
LARGEST = 1_000_000  # bytes of a file that is read; ours are smaller
KINDS = ((stat.S_ISLNK, "link"), (stat.S_ISDIR, "directory"), (stat.S_ISREG, "file"))


def take(patterns: Sequence[str], key: str) -> dict[str, Any]:
    """Return what lies where the globs match, and the globs: what they match and is not told is not there.

    :param key: of the run, without which nobody can compare; empty tells of no file's content.
    """
    matches = {str(path) for pattern in patterns for path in Path("/").glob(pattern.lstrip("/"))}
    described = {path: _described(path, key) for path in sorted(matches)}
    found = {path: told for path, told in described.items() if told}
    return {"patterns": list(patterns), "found": found}


def _described(path: str, key: str) -> dict[str, Any]:
    """Return what lies at a path; empty where nothing does.

    What cannot be told, as behind a link of a service's, is there all the same: the host has to be asked.
    """
    try:
        status = paths.status(path)
        kind = next((name for test, name in KINDS if test(status.st_mode)), "other")
        told = {
            "kind": kind,
            "mode": _octal(stat.S_IMODE(status.st_mode)),
            "owner": _name(pwd.getpwuid, status.st_uid),
            "group": _name(grp.getgrgid, status.st_gid),
            "time": status.st_mtime,
        }
        if kind == "link":
            told["target"] = paths.target(path)
        elif key and kind == "file" and status.st_size <= LARGEST:
            told["digest"] = digest(paths.read(path), key)
    except (FileNotFoundError, NotADirectoryError):  # who writes there may take it away meanwhile
        return {}
    except OSError:
        return {"kind": "unknown"}
    return told


def digest(content: bytes, key: str) -> str:
    """Return what stands for a file's content to who has the key; others cannot try a guess of a secret."""
    return hmac.new(key.encode(), content, "sha256").hexdigest()


def _octal(mode: int) -> str:
    return f"{mode:04o}"


def _name(by_id: Callable[[int], Any], number: int) -> str:
    try:
        return str(by_id(number)[0])
    except KeyError:
        return str(number)


def current(facts: Mapping[str, Any], run: str) -> Mapping[str, Any]:
    """Return the snapshot among a host's facts; empty where this run took none or has changed something.

    :param run: the run that asks: one of an earlier run, as a cache of facts keeps it, does not count.
    """
    text = facts.get(FACT)
    snapshot: Mapping[str, Any] = json.loads(text) if text and isinstance(text, str) else {}
    return snapshot if snapshot.get("run") == run else {}


def times(snapshot: Mapping[str, Any], paths: Iterable[str]) -> dict[str, float] | None:
    """Return the mtime of each path that is there; None where it is not known of one whether it is."""
    found, patterns = snapshot.get("found", {}), snapshot.get("patterns", [])
    asked = list(paths)
    told = [found.get(path, {"time": 0.0} if _matches(path, patterns) else {}) for path in asked]
    if any("time" not in there for there in told):
        return None
    return {path: found[path]["time"] for path in asked if path in found}


def shows(snapshot: Mapping[str, Any], wanted: Iterable[Entry], prune: Iterable[str], key: str) -> bool:
    """Tell whether a snapshot shows that all is as wanted; False where it does not tell.

    It says True only where ``files.changes`` would find nothing to change.

    :param key: with which it was taken.
    """
    found, patterns = snapshot.get("found", {}), snapshot.get("patterns", [])
    entries = {entry.path: entry for entry in wanted}
    kept = [path for path, entry in entries.items() if entry.state != "absent"]
    return (
        all(_is_as_wanted(entry, found.get(path), patterns, key) for path, entry in entries.items())
        and set(prune) <= set(patterns)
        and all(
            path in entries or any(other.startswith(path + "/") for other in kept)
            for path in found
            if _matches(path, prune)
        )
    )


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(PurePosixPath(path).match(pattern) for pattern in patterns)


def _is_as_wanted(
    entry: Entry, there: Mapping[str, Any] | None, patterns: Sequence[str], key: str
) -> bool:
    if there is None:
        return entry.state == "absent" and _matches(entry.path, patterns)
    if there["kind"] != entry.state:
        return False
    if entry.state == "link":
        return bool(there["target"] == entry.target)
    if entry.once:
        return True
    content = entry.state == "directory" or there.get("digest") == digest(entry.content.encode(), key)
    mode = _octal(entry.mode) if entry.mode is not None else None
    attributes = (("mode", mode), ("owner", entry.owner), ("group", entry.group))
    return bool(content) and all(value in (None, there[key]) for key, value in attributes)
