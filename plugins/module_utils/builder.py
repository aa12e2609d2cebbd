# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A virtual environment that somebody else than root builds, and that becomes root's when it is complete.

What pip fetches runs code of its own: when it is built, and from then on whenever its environment's Python
starts (`.pth`). So pip never runs as root: the user of the builder, in the sandbox that the controller has
decided (plugin_utils/run/launcher.py), may write below a few directories. When nothing of that user runs any
more, root takes what is there.
"""

from __future__ import annotations

import configparser
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import beside as missing

# What a module takes of the builder; its action fills it in.
OPTION = {
    "type": "dict",
    "options": {
        "user": {"type": "str", "required": True},
        "command": {"type": "list", "elements": "str", "required": True},
    },
}
# What of this process' environment pip and compilers need: the rest may hold secrets.
_PASSED = re.compile(
    r"(?:PIP_\w+|\w+_PROXY|SSL_CERT_(?:FILE|DIR)|(?:REQUESTS|CURL)_CA_BUNDLE|PATH|LANG|LC_\w+"
    r"|CC|CXX|LD|\w*FLAGS|PKG_CONFIG_PATH|GIT_SSL_\w+)",
    re.IGNORECASE,
)
# Where pip looks, the weakest first (pip's "Configuration"). Root's own are out of the builder's reach.
_PIP_CONFIGURATIONS = (
    "/etc/xdg/pip/pip.conf", "/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf",
)  # fmt: skip
_SECTIONS = ("global", "install")
_UNFIT = re.compile(r"[\x00-\x1f\x7f]")
_SPECIAL = re.compile(r'(["\\$`])')
PIP = ("-m", "pip", "install", "--no-input", "--disable-pip-version-check")
_INSTALLED, _NAMED = "lib/python*/site-packages/*.dist-info", re.compile(r"([\w.]+)-([\w.+!]+)\.dist-info")
_READABLE, _EXECUTABLE = 0o644, 0o755


@dataclass(frozen=True)
class Beside:
    """What is installed beside the rest, where it is missing.

    :param requirements: a file of them.
    :param options: pip's.
    """

    requirements: str
    options: Sequence[str]


class BuildError(Exception):
    """A command failed; ``said`` is all that it said."""

    def __init__(self, command: Sequence[str], code: int, said: str) -> None:
        super().__init__(f"{' '.join(command)}: exit code {code}")
        self.said = said.strip()


def build(
    builder: Mapping[str, Any],
    directory: Path,
    venv: Path,
    python: str,
    words: Sequence[str],
    own: Iterable[Path] = (),
    beside: Beside | None = None,
) -> None:
    """Make a virtual environment and install into it; on an error what is there stays the builder's.

    :param builder: ``user``, who builds; ``command``, the words before each program, in which ``{directory}``
        and ``{environment}`` stand for where the builder writes and for a file with the environment.
    :param directory: where the builder may write what belongs to it.
    :param venv: the environment, where it may write too.
    :param python: the interpreter.
    :param words: pip's, after ``install``.
    :param own: what the builder may change besides, such as a source tree that is built in its place.
    :param beside: what is added where it is missing.
    :raises BuildError: Python cannot make environments, or pip cannot install.
    """
    uid, gid = _account(builder["user"])
    venv.mkdir(mode=0o755, exist_ok=True)
    given = [venv, *(path for path in own if path.is_dir() and not path.is_symlink())]
    for top in given:
        _hand(top, uid, gid)
    told = environment(os.environ)
    with tempfile.NamedTemporaryFile("w", prefix="celery-build-", suffix=".env") as file:
        file.write("".join(f'{name}="{_SPECIAL.sub(_escaped, text)}"\n' for name, text in told.items()))
        file.flush()
        both = (directory,) if venv.is_relative_to(directory) else (directory, venv)
        places = {"{directory}": " ".join(map(str, both)), "{environment}": file.name}
        prefix = [_filled(word, places) for word in builder["command"]]
        _run(prefix, told, python, "-m", "venv", str(venv))
        _run(prefix, told, str(venv / "bin/python"), *PIP, *words)
        if beside:
            _add(directory, venv, beside, words, lambda *command: _run(prefix, told, *command))
    for top in given:
        _hand(top, 0, 0, tidied=True)


def _add(directory: Path, venv: Path, beside: Beside, words: Sequence[str], run: Callable[..., str]) -> None:
    """Add what is missing; with an older Celery, where what the app has brought does not suit the newest."""
    python, file = str(venv / "bin/python"), directory / "kept.txt"
    pip = (python, *PIP)
    while (found := missing.found(run(python, "-I", "-c", missing.PROGRAM, beside.requirements))).conflicts:
        mark(file, "".join(f"{line}\n" for line in found.older()))
        try:
            if not found.older():
                raise BuildError(pip, 1, "")
            run(*pip, *words, f"--constraint={file}")
        except BuildError as error:
            raise BuildError(pip, 1, found.told() + error.said) from None
    if found.missing:
        # What the app has brought stays as it is.
        there = [match for path in sorted(venv.glob(_INSTALLED)) if (match := _NAMED.fullmatch(path.name))]
        mark(file, "".join(f"{match[1]}=={match[2]}\n" for match in there))
        run(*pip, *beside.options, *found.missing, f"--constraint={file}")
    file.unlink(missing_ok=True)


def mark(path: Path, text: str) -> None:
    """Write a new file of root's in what was built; what lies there, such as a link, goes.

    :param path: in a directory that is root's by now.
    """
    with suppress(FileNotFoundError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _READABLE)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)


def _account(user: str) -> tuple[int, int]:
    """Return the user's numbers; a system user is made where there is none."""
    try:
        found = pwd.getpwnam(user)
    except KeyError:
        line = f'u {user} - "Builds the packages of Celery apps" /nonexistent -'
        _run([], {}, "systemd-sysusers", "--inline", line)
        found = pwd.getpwnam(user)
    return found.pw_uid, found.pw_gid


def _hand(top: Path, uid: int, gid: int, tidied: bool = False) -> None:
    """Give a tree to a user; no link is followed, and no process of its last owner runs any more.

    :param tidied: everybody reads, only the owner writes, and what is no file, directory or link goes.
    """
    for _path, directories, names, handle in os.fwalk(top, follow_symlinks=False):
        # The directory first: from then on nobody else changes what is in it.
        os.fchown(handle, uid, gid)
        if tidied:
            os.fchmod(handle, _EXECUTABLE)
        for name in (*directories, *names):
            mode = os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                continue
            if tidied and not (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
                os.unlink(name, dir_fd=handle)
                continue
            os.chown(name, uid, gid, dir_fd=handle, follow_symlinks=False)
            if tidied and stat.S_ISREG(mode):
                os.chmod(name, _EXECUTABLE if mode & stat.S_IXUSR else _READABLE, dir_fd=handle)


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return what the builder's programs are told.

    :param own: root's environment; of it what pip and compilers need, over what root's files for pip say.
    """
    names = [*_PIP_CONFIGURATIONS, own.get("PIP_CONFIG_FILE") or os.devnull]
    told = {**_configured(names), **{name: text for name, text in own.items() if _PASSED.fullmatch(name)}}
    told.pop("PIP_CONFIG_FILE", None)
    return {name: text for name, text in told.items() if not _UNFIT.search(text)}


def _configured(names: Iterable[str]) -> dict[str, str]:
    """Return what pip's configuration files say, as pip takes it from the environment."""
    found: dict[str, str] = {}
    for name in names:
        parser = configparser.RawConfigParser()
        # pip itself tells of one that it cannot read.
        with suppress(configparser.Error, UnicodeDecodeError):
            parser.read(Path(name).expanduser(), encoding="utf-8")
            for section in filter(parser.has_section, _SECTIONS):
                for key, text in parser.items(section):
                    found["PIP_" + key.upper().replace("-", "_")] = " ".join(text.split())
    return found


def _filled(word: str, places: Mapping[str, str]) -> str:
    for name, text in places.items():
        word = word.replace(name, text)
    return word


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[1]}"


def _run(prefix: Sequence[str], environment: Mapping[str, str], *command: str) -> str:
    """Run a command, and return what it prints."""
    done = subprocess.run(
        [*prefix, *command],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, **environment},
        umask=0o022,
        cwd="/",
    )
    if done.returncode:
        raise BuildError(command, done.returncode, done.stdout + done.stderr)
    return done.stdout
