# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs on a host as one of its users, and tells what that user could do to root. Python 3.10, no library.

It reads JSON from its standard input, {"secrets": [...], "run": [...]}, and writes JSON:
``seen``: how much it looked at; ``writable``: what is root's, or lies where root runs things from, and the
user may change or replace; ``readable``: the files that hold one of the secrets; ``run``: those of the paths
that the user may change or replace, or something on the way to them.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

# The kernel's, where permissions are not those of files.
KERNELS = (Path("/proc"), Path("/sys"), Path("/dev"))
# Whoever owns a file in these, root runs it, or reads in it what to run.
ROOTS = tuple(
    f"{place}/"
    for place in (
        "/usr", "/opt", "/root", "/run/systemd", "/var/spool/cron", "/etc/systemd", "/etc/init.d",
        "/etc/cron.d", "/etc/cron.hourly", "/etc/cron.daily", "/etc/cron.weekly", "/etc/cron.monthly",
        "/etc/logrotate.d", "/etc/tmpfiles.d", "/etc/profile.d", "/etc/sudoers.d", "/etc/ld.so.conf.d",
    )
)  # fmt: skip
LARGEST = 4_000_000  # bytes of a file that is searched: larger ones are packages'
MOST_LINKS = 40  # path_resolution(7)
ROOT = 0
Stat = os.stat_result


def may_replace(path: Path, found: Stat) -> bool:
    """Tell whether the user may put something else in the place of what is there."""
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return False
    above = path.parent.stat()
    return not above.st_mode & stat.S_ISVTX or os.getuid() in (above.st_uid, found.st_uid)


def may_change(path: Path, found: Stat) -> bool:
    """Tell whether the user may change what is there itself; a socket or a device is there for it."""
    if any(test(found.st_mode) for test in (stat.S_ISLNK, stat.S_ISSOCK, stat.S_ISCHR)):
        return False
    for_all = stat.S_ISVTX | stat.S_IWOTH
    if stat.S_ISDIR(found.st_mode) and found.st_mode & for_all == for_all:  # as /tmp
        return False
    return found.st_uid == os.getuid() or os.access(path, os.W_OK)


def everything(top: Path) -> Iterator[tuple[Path, Stat]]:
    """Yield each path that the user sees, and what is there."""
    try:
        inside = list(top.iterdir())
    except OSError:
        return
    for path in inside:
        if path in KERNELS:
            continue
        try:
            found = path.lstat()
        except OSError:
            continue
        yield path, found
        if stat.S_ISDIR(found.st_mode):
            yield from everything(path)


def holds(path: Path, found: Stat, secrets: list[bytes]) -> bool:
    """Tell whether the user reads one of the secrets in a file."""
    if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST:
        return False
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return any(secret in content for secret in secrets)


def steps(path: Path) -> Iterator[Path]:
    """Yield all that leads to a path: each directory and link on the way, and what is there itself."""
    names, here, links = list(path.parts[1:]), Path("/"), 0
    while names and links < MOST_LINKS:
        name = names.pop(0)
        here = here.parent if name == ".." else here / name
        yield here
        if here.is_symlink():
            links += 1
            target = here.readlink()
            names = [name for name in target.parts if name != "/"] + names
            here = Path("/") if target.is_absolute() else here.parent


def grip(path: Path) -> str:
    """Return where the user could change what lies at a path, empty where nowhere."""
    try:
        for step in steps(path):
            found = step.lstat()
            if may_change(step, found) or may_replace(step, found):
                return str(step)
    except OSError:  # behind a directory that the user may not look into
        return ""
    return ""


def main() -> None:
    """Scan."""
    asked = json.load(sys.stdin)
    secrets = [secret.encode() for secret in asked["secrets"]]
    writable, readable, seen = [], [], 0
    for path, found in everything(Path("/")):
        seen += 1
        roots = found.st_uid == ROOT or str(path).startswith(ROOTS)
        if roots and (may_change(path, found) or may_replace(path, found)):
            writable.append(str(path))
        if holds(path, found, secrets):
            readable.append(str(path))
    run = [f"{path}, by {step}" for path in asked["run"] for step in [grip(Path(path))] if step]
    json.dump({"seen": seen, "writable": writable, "readable": readable, "run": run}, sys.stdout)


if __name__ == "__main__":
    main()
