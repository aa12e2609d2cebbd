# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The app as one file: what a host unpacks to a release, and what pip has to install beside it.

The same source gives the same bytes, and so the same release, on any controller.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import IO, Any

from ansible_collections.celeryops.systemd.plugins.module_utils.target import ArtifactError, check_target

# What no host needs, and what often holds secrets (.env).
EXCLUDED = (
    ".git", ".hg", ".svn", "__pycache__", "*.py[co]", "*.egg-info", ".venv", "venv", ".env", ".tox", ".nox",
    ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", "node_modules", ".idea", ".vscode",
)  # fmt: skip
ARCHIVES = (".whl", ".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz")
REQUIREMENTS = "requirements.txt"
# Zip, and so a wheel that is built from the tree, knows no time before 1980.
MTIME = 946_684_800
KEPT_BUNDLES = 10
# Seconds in which a bundle stays that some run has asked for: it may be about to unpack it.
IN_USE = 3600
RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
COMMIT = re.compile(r"[0-9a-f]{40}")
# The name before a host that is reached by ssh is no secret.
LOGIN = re.compile(r"(?<!ssh)://([^/@\s]+)@")
FULL, EXECUTABLE, PLAIN = 0o777, 0o755, 0o644
GIT_TIMEOUT = 600


@dataclass(frozen=True)
class Member:
    """A file or link in the bundle; ``read`` returns a file's content, ``link`` is a link's target."""

    name: str
    read: Callable[[], bytes] = field(default=bytes, compare=False)
    executable: bool = False
    link: str = ""


@dataclass(frozen=True)
class Artifact:
    """What a release is made of.

    :param members: what is unpacked: the app's tree in app/, a package in package/, wheels in wheels/.
    :param packages: what pip installs; names in the release start with "./".
    :param requirements: the requirements file in the release, empty when there is none.
    """

    members: tuple[Member, ...]
    packages: tuple[str, ...] = ()
    requirements: str = ""


def logins(value: Any) -> set[str]:
    """Return the logins in the URLs of a source, which no message may show."""
    return set(LOGIN.findall(json.dumps(value)))


def described(source: Mapping[str, Any]) -> str:
    """Return the source in words, without the login of a URL."""
    keys = {"git": ("repo", "version", "subdirectory"), "requirement": ("name",)}
    words = [source.get(key) for key in keys.get(source["type"], ("path",))]
    return LOGIN.sub("://***@", " ".join([source["type"], *(str(word) for word in words if word)]))


def read_source(source: Mapping[str, Any], target: str, cache: Path) -> Artifact:
    """Return what a source holds; ArtifactError when it is not there or does not hold the target.

    :param source: ``celery_app_source``; its kind and keys were checked before.
    :param target: ``celery_app_target``.
    :param cache: where clones are kept.
    """
    kind = source["type"]
    if kind == "requirement":
        return Artifact((), (str(source["name"]),))
    if kind == "archive":
        return _archive(absolute("celery_app_source.path", source["path"]))
    members = _directory(source) if kind == "directory" else _git(source, cache)
    found = _tree(members, source)
    installs = bool(found.packages or found.requirements)
    check_target(target, {member.name: member.read for member in members}, _place(source), installs)
    return found


def wheelhouse_members(path: str) -> list[Member]:
    """Return the wheels of a directory or tarball as wheels/*."""
    place = absolute("celery_app_wheelhouse", path)
    if place.is_dir():
        files = sorted(item for item in place.iterdir() if item.name.endswith(ARCHIVES))
        members = [Member(f"wheels/{item.name}", item.read_bytes) for item in files]
    elif place.is_file() and tarfile.is_tarfile(place):
        content = {
            PurePosixPath(member.name).name: member.read
            for member in _tar_members(place.read_bytes())
            if member.name.endswith(ARCHIVES)
        }
        members = [Member(f"wheels/{name}", read) for name, read in sorted(content.items())]
    else:
        fix = "give a directory of wheels, or a tarball of them, that is on the controller"
        raise ArtifactError(f"celery_app_wheelhouse = {path}: neither a directory nor a tarball; {fix}")
    if not members:
        fix = "fill it with: pip download --dest <directory> -r requirements.txt 'celery[redis]' tzdata"
        raise ArtifactError(f"celery_app_wheelhouse = {path}: holds no wheel; {fix}")
    return members


def fingerprint(members: Iterable[Member], *words: object) -> str:
    """Return 12 hexadecimal digits that stand for the members and the words."""
    digest = hashlib.sha256(json.dumps(words, sort_keys=True, default=str).encode())
    for member in members:
        content = member.link.encode() if member.link else member.read()
        head = [member.name, member.executable, bool(member.link), len(content)]
        digest.update(json.dumps(head).encode() + content)
    return digest.hexdigest()[:12]


def write_bundle(members: Iterable[Member], path: Path) -> None:
    """Write the bundle in one step, and forget the oldest of its neighbours that no run asked for of late."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Another run may write the same one at the same time.
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as raw:
        _pack(members, raw)
    Path(raw.name).replace(path)
    asked = {}
    for item in path.parent.glob("*.tar.gz"):
        with suppress(FileNotFoundError):  # another run has just forgotten it
            asked[item] = item.stat().st_mtime
    for old in sorted(asked, key=lambda item: asked[item], reverse=True)[KEPT_BUNDLES:]:
        if asked[old] < time.time() - IN_USE:
            old.unlink(missing_ok=True)


def ask_for(members: Iterable[Member], path: Path) -> None:
    """See that the bundle is there, and stays for a while."""
    try:
        os.utime(path)
    except FileNotFoundError:
        write_bundle(members, path)


def packed(members: Iterable[Member]) -> bytes:
    """Return a bundle: the same members give the same bytes."""
    raw = io.BytesIO()
    _pack(members, raw)
    return raw.getvalue()


def _pack(members: Iterable[Member], raw: IO[bytes]) -> None:
    with (
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6, mtime=MTIME) as squeezed,
        tarfile.open(fileobj=squeezed, mode="w", format=tarfile.PAX_FORMAT) as bundle,
    ):
        bundle.addfile(_header("app", tarfile.DIRTYPE))
        for member in members:
            if member.link:
                bundle.addfile(_header(member.name, tarfile.SYMTYPE, member))
            else:
                content = member.read()
                bundle.addfile(
                    _header(member.name, tarfile.REGTYPE, member, len(content)), io.BytesIO(content)
                )


def _header(name: str, kind: bytes, member: Member | None = None, size: int = 0) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type, header.size, header.mtime = kind, size, MTIME
    header.uname = header.gname = "root"
    if member is None or member.executable:
        header.mode = EXECUTABLE
    else:
        header.mode = FULL if member.link else PLAIN
    header.linkname = member.link if member else ""
    return header


def absolute(variable: str, path: str) -> Path:
    """Return the path; a relative one is refused, for it would depend on where Ansible was started."""
    place = Path(path).expanduser()
    if not place.is_absolute():
        fix = f"write the whole path, or from where the inventory is: '{{{{ inventory_dir }}}}/{path}'"
        raise ArtifactError(f"{variable} = {path}: not an absolute path; {fix}")
    return place


def _place(source: Mapping[str, Any]) -> str:
    place = str(source.get("path") or source.get("repo"))
    return LOGIN.sub("://***@", place)


def _problem(source: Mapping[str, Any], what: str) -> ArtifactError:
    key = "path" if "path" in source else "repo"
    return ArtifactError(f"celery_app_source.{key} = {_place(source)}: {what}")


def _archive(path: Path) -> Artifact:
    if not path.is_file() or not path.name.endswith(ARCHIVES):
        fix = f"give a file on the controller that ends in one of {', '.join(ARCHIVES)}"
        raise ArtifactError(f"celery_app_source.path = {path}: not an sdist or a wheel; {fix}")
    name = f"package/{path.name}"
    return Artifact((Member(name, path.read_bytes),), (f"./{name}",))


def _directory(source: Mapping[str, Any]) -> list[Member]:
    root = absolute("celery_app_source.path", source["path"])
    if not root.is_dir():
        raise _problem(source, "not a directory on the controller; give the one that holds the app's package")
    excluded = (*EXCLUDED, *source.get("exclude", ()))
    return sorted(_walk(root, PurePosixPath(), excluded), key=lambda member: member.name)


def _walk(root: Path, below: PurePosixPath, excluded: Iterable[str]) -> Iterator[Member]:
    for item in (root / below).iterdir():
        name = below / item.name
        if any(fnmatch(item.name, pattern) or fnmatch(str(name), pattern) for pattern in excluded):
            continue
        if item.is_symlink():
            yield Member(str(name), link=str(item.readlink()))
        elif item.is_dir():
            yield from _walk(root, name, excluded)
        elif item.is_file():
            yield Member(str(name), item.read_bytes, bool(item.stat().st_mode & stat.S_IXUSR))


def _git(source: Mapping[str, Any], cache: Path) -> list[Member]:
    """Return the tree of a commit, from a clone that is kept and brought up to date."""
    repo, version = str(source["repo"]), str(source.get("version") or "HEAD")
    clone = cache / "git" / hashlib.sha256(repo.encode()).hexdigest()[:12]
    if not clone.is_dir():
        clone.parent.mkdir(parents=True, exist_ok=True)
        git(source, "clone", "--quiet", "--mirror", "--", repo, str(clone))
    elif not COMMIT.fullmatch(version) or not _has_commit(source, clone, version):
        git(source, "--git-dir", str(clone), "fetch", "--quiet", "--prune", "--force", "--tags", "origin")
    where = f"{version}^{{commit}}:{source.get('subdirectory') or ''}".rstrip("/")
    tree = git(source, "--git-dir", str(clone), "archive", "--format=tar", "--end-of-options", where)
    return sorted(_tar_members(tree), key=lambda member: member.name)


def _has_commit(source: Mapping[str, Any], clone: Path, version: str) -> bool:
    try:
        git(source, "--git-dir", str(clone), "cat-file", "-e", f"{version}^{{commit}}")
    except ArtifactError:
        return False
    return True


def git(source: Mapping[str, Any], *arguments: str) -> bytes:
    """Run git and return its output; it never asks for a password."""
    silent = {"GIT_TERMINAL_PROMPT": "0", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes", **os.environ}
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, env=silent, capture_output=True, check=False, timeout=GIT_TIMEOUT)
    except FileNotFoundError:
        raise _problem(source, "the controller has no git; install it") from None
    except subprocess.TimeoutExpired:
        raise _problem(source, f"git did not answer in {GIT_TIMEOUT} s") from None
    if done.returncode:
        said = LOGIN.sub("://***@", done.stderr.decode(errors="replace").strip())
        version = source.get("version") or "HEAD"
        fix = "check the URL, the version, and that this user's git reaches it without a question"
        raise _problem(source, f"git cannot read version {version}: {said}; {fix}")
    return done.stdout


def _tar_members(content: bytes) -> Iterator[Member]:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for item in archive.getmembers():
            if item.issym():
                yield Member(item.name, link=item.linkname)
            elif item.isfile():
                stream = archive.extractfile(item)
                data = stream.read() if stream else b""
                yield Member(item.name, lambda data=data: data, bool(item.mode & stat.S_IXUSR))  # type: ignore[misc]


def _tree(members: Iterable[Member], source: Mapping[str, Any]) -> Artifact:
    """Return the tree as app/, and what pip installs for it."""
    by_name = {member.name: member for member in members}
    requirements = str(source.get("requirements") or REQUIREMENTS)
    if "requirements" in source and requirements not in by_name:
        raise _problem(source, f"holds no {requirements}, which celery_app_source.requirements names")
    packages: list[str] = []
    if "setup.py" in by_name:
        packages = ["./app"]
    elif "pyproject.toml" in by_name:
        packages = project_packages(by_name["pyproject.toml"].read().decode())
    placed = tuple(
        Member(f"app/{member.name}", member.read, member.executable, member.link)
        for member in by_name.values()
    )
    return Artifact(placed, tuple(packages), f"app/{requirements}" if requirements in by_name else "")


def project_packages(text: str) -> list[str]:
    """Return what pip installs for a pyproject.toml: the project itself, or only what it depends on.

    Without a build-system the project is not meant to be a package, as uv reads it too.
    """
    import tomllib  # noqa: PLC0415 - new in Python 3.11, which the controller has and a host may lack

    try:
        project = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ArtifactError(f"celery_app_source: its pyproject.toml cannot be read: {error}") from None
    if "build-system" in project:
        return ["./app"]
    return [str(name) for name in project.get("project", {}).get("dependencies", [])]
