# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Paths that root opens where a service may write: no link of the service's is followed.

A path is walked from the root directory, each part opened below the one before (openat(2)), so that what was
checked is what is used. A link counts only where it and every directory above it belong to root alone.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# Who may place a link: root, and in tests who runs them.
TRUSTED = frozenset((0, os.geteuid()))
NEW_DIRECTORY_MODE = 0o755
MOST_LINKS = 40  # path_resolution(7)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _RefusalError(OSError):
    """What a person is told has no number of the system's before it."""

    def __str__(self) -> str:
        return str(self.strerror)


class NotRootsError(_RefusalError, PermissionError):
    """A file that somebody other than root could have written."""


class LinkError(_RefusalError):
    """The path leads through a link, or is a hard link, that somebody other than root could have placed."""

    def __init__(self, path: str, link: str, kind: str = "link") -> None:
        super().__init__(
            errno.ELOOP,
            f"{path}: {link} is a {kind}, and others than root could have placed it; "
            "remove it, or place it as root where only root may write",
        )


@contextmanager
def parent(path: str, create: bool = False) -> Iterator[tuple[int, str]]:
    """Open the directory that holds a path, and yield its descriptor and the path's own name in it.

    :param path: absolute and normalized.
    :param create: make the directories that are missing.
    :raises LinkError: a link in between is not root's.
    :raises FileNotFoundError: a directory is missing.
    """
    above, name = os.path.split(path)
    descriptor, _trusted = _walked(above, create)
    try:
        yield descriptor, name
    finally:
        os.close(descriptor)


@contextmanager
def directory(path: str) -> Iterator[int]:
    """Open a directory, also behind a link of root's; arguments and errors as for ``parent``."""
    descriptor, _trusted = _walked(path, create=False)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def status(path: str) -> os.stat_result:
    """Return what lies at a path itself, a link not followed; errors as for ``parent``."""
    with parent(path) as (above, name):
        return os.stat(name, dir_fd=above, follow_symlinks=False)


def target(path: str) -> str:
    """Return what a link names; errors as for ``parent``, and OSError where there is no link."""
    with parent(path) as (above, name):
        return os.readlink(name, dir_fd=above)


def read(path: str, most: int = -1) -> bytes:
    """Return what a regular file holds; errors as for ``parent``.

    :param most: bytes after which the rest is left out; -1 for all.
    :raises LinkError: the file itself is a link, or a hard link where others than root may write.
    :raises OSError: it is no regular file.
    """
    with _opened(path) as handle:
        return _content(handle, most)


def read_of_root(path: str) -> bytes:
    """Return what a file holds that nobody but root could have written; errors as for ``read``.

    :raises NotRootsError: the file is somebody else's, or others may write to it.
    """
    with _opened(path) as handle:
        found = os.fstat(handle)
        if found.st_uid not in TRUSTED or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise NotRootsError(errno.EPERM, f"{path}: is not root's alone: not trusted; remove it")
        return _content(handle)


@contextmanager
def _opened(path: str) -> Iterator[int]:
    """Open a regular file to read; all that is asked of it is asked of the descriptor."""
    above, name = os.path.split(path)
    holder, trusted = _walked(above, create=False)
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=holder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise LinkError(path, path) from None
        raise
    else:
        try:
            found, shared = os.fstat(handle), os.fstat(holder).st_mode & (stat.S_IWGRP | stat.S_IWOTH)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, f"{path}: not a regular file")
            if found.st_nlink > 1 and (shared or not trusted):
                raise LinkError(path, path, "hard link")
            yield handle
        finally:
            os.close(handle)
    finally:
        os.close(holder)


def _content(handle: int, most: int = -1) -> bytes:
    with os.fdopen(handle, "rb", closefd=False) as stream:
        return stream.read(most)


def replace(path: str, content: bytes, mode: int, uid: int, gid: int) -> None:
    """Put a file in place in one step: a reader sees the old or the new; errors as for ``parent``.

    :param uid: the owner, -1 for who runs this; ``gid`` alike.
    """
    with parent(path, create=True) as (above, name):
        temporary = _free_name(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        handle = os.open(temporary, flags, 0o600, dir_fd=above)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fchown(handle, uid, gid)
                os.fchmod(handle, mode)
                os.fsync(handle)
            os.rename(temporary, name, src_dir_fd=above, dst_dir_fd=above)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=above)
            raise


def link(path: str, target: str) -> None:
    """Let a link lead to ``target`` in one step; errors as for ``parent``."""
    with parent(path, create=True) as (above, name):
        temporary = _free_name(name)
        os.symlink(target, temporary, dir_fd=above)
        try:
            os.rename(temporary, name, src_dir_fd=above, dst_dir_fd=above)
        except BaseException:
            os.unlink(temporary, dir_fd=above)
            raise


def make_directory(path: str) -> None:
    """Make a directory and those above it, where they are missing; errors as for ``parent``."""
    with parent(path, create=True) as (above, name), suppress(FileExistsError):
        os.mkdir(name, NEW_DIRECTORY_MODE, dir_fd=above)


def remove(path: str) -> None:
    """Remove what lies at a path, and of a directory all that is in it; a link itself, not what it names."""
    with suppress(FileNotFoundError), parent(path) as (above, name):
        _remove(above, name)


def _remove(above: int, name: str) -> None:
    if not stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
        os.unlink(name, dir_fd=above)
        return
    inside = os.open(name, _DIRECTORY, dir_fd=above)
    try:
        with os.scandir(inside) as entries:
            names = [entry.name for entry in entries]
        for each in names:
            with suppress(FileNotFoundError):
                _remove(inside, each)
    finally:
        os.close(inside)
    os.rmdir(name, dir_fd=above)


def _walked(path: str, create: bool) -> tuple[int, bool]:
    """Open a directory part by part; return its descriptor, and whether only root may write in it."""
    parts = [part for part in reversed(path.split("/")) if part]
    here, links = _root(), 0
    trusted, walked = True, ""
    try:
        while parts:
            name = parts.pop()
            try:
                found = os.stat(name, dir_fd=here, follow_symlinks=False)
            except FileNotFoundError:
                if not create:
                    raise
                os.mkdir(name, NEW_DIRECTORY_MODE, dir_fd=here)
                found = os.stat(name, dir_fd=here, follow_symlinks=False)
            if stat.S_ISLNK(found.st_mode):
                links += 1
                if not trusted or found.st_uid not in TRUSTED or links > MOST_LINKS:
                    raise LinkError(path, f"{walked}/{name}")
                target = os.readlink(name, dir_fd=here)
                parts += [part for part in reversed(target.split("/")) if part]
                if target.startswith("/"):
                    os.close(here)
                    here, trusted, walked = _root(), True, ""
                continue
            below = os.open(name, _DIRECTORY, dir_fd=here)
            os.close(here)
            here, walked = below, f"{walked}/{name}"
            trusted = trusted and _is_roots(os.fstat(here))
    except BaseException:
        os.close(here)
        raise
    return here, trusted


def _root() -> int:
    return os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _is_roots(found: os.stat_result) -> bool:
    """Tell whether nobody but root can replace what root placed in a directory (sticky: as in /tmp)."""
    closed = not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or bool(found.st_mode & stat.S_ISVTX)
    return found.st_uid in TRUSTED and closed


def _free_name(name: str) -> str:
    return f".celeryops-{secrets.token_hex(8)}-{name}"[:255]
