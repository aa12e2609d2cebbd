# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The command that runs code of the app for a play: the import check, the smoke task, the report.

It runs as a worker of the host does: as the same user, in the same environment, behind the same fences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import layout

from ..inventory.problems import Problem
from ..sandbox import sandbox
from .launcher import launcher

_WORKERS = "celery_queue_"
# systemd.exec(5), "Process Exit Codes": what systemd says where the program has said nothing.
_FIRST_STATUS, _LAST_STATUS = 200, 245
_NAMED = {200: "CHDIR", 203: "EXEC", 217: "USER", 226: "NAMESPACE", 228: "SECCOMP"}


def app_command(
    variables: Mapping[str, Any],
    defaults: Mapping[str, Any],
    words: Sequence[object],
    directory: str = "",
    virtualenv: str = "",
    environment: bool = True,
) -> list[str]:
    """Return the words of a command that runs the app's Python on a host.

    :param variables: the host's; its user, its sandbox with the overrides, and where its app is.
    :param defaults: of the roles, for those that the host does not have; ``celery_app_user`` and
        ``celery_app_group`` have none of their own.
    :param words: what Python is given.
    :param directory: where it runs; where the host's app is.
    :param virtualenv: whose Python; that of the host's app.
    :param environment: whether it has the app's environment and the agent, as a worker has.
    """
    user, group = (
        variables.get(f"celery_app_{name}") or _given(f"celery_host_{name}", variables, defaults)
        for name in ("user", "group")
    )
    directory = directory or _given("celery_app_directory", variables, defaults)
    virtualenv = virtualenv or _given("celery_app_virtualenv", variables, defaults)
    lines = [
        "Environment=PYTHONDONTWRITEBYTECODE=1",
        *(_environment() if environment else ()),
        f"WorkingDirectory={directory}",
        "StateDirectory=celery", "StateDirectoryMode=0750", "LogsDirectory=celery", "LogsDirectoryMode=0750",
        "LimitCORE=0",
        *_fences(variables, defaults),
    ]  # fmt: skip
    command = [f"{virtualenv}/bin/python", *(str(word) for word in words)]
    # systemd replaces variables in the words of a command; so does Ansible's, unless it is told not to.
    return [*launcher(str(user), str(group), lines, "Code of the Celery app, for a play"),
            *(word.replace("$", "$$") for word in command)]  # fmt: skip


def silent_end(code: int) -> str:
    """Return what can be told of a program that said nothing, by the exit code of systemd-run."""
    if not _FIRST_STATUS <= code <= _LAST_STATUS:
        # Also where it was gone before it had read its input: that is all that Ansible tells then.
        return "its Python did not start, or ended without a word"
    return f"systemd cannot start its Python in the worker's sandbox (status {code}{_name(code)})"


def import_failure(result: Mapping[str, Any], host: str, virtualenv: str) -> str:
    """Return why the app was not imported: what it said itself, or why its Python was not started.

    :param result: of the command, with ``rc``, ``stdout`` and ``stderr``.
    """
    if said := str(result.get("stdout") or "").strip():
        return f"{host}: {said}"
    what = str(result.get("stderr") or "").strip()
    fix = "make it there, or set celery_app_virtualenv to where it is"
    if not what:
        what = silent_end(int(result.get("rc") or 0))
        fix = (
            "read why in the host's journal, and fix celery_worker_sandbox_overrides, whose paths must "
            "exist, or what hides it from the service's user"
        )
    return Problem("celery_app_virtualenv", virtualenv, what, fix).text(host)


def _name(code: int) -> str:
    return f"/{_NAMED[code]}" if code in _NAMED else ""


def _environment() -> list[str]:
    """systemd reads the files: no secret is in an argument."""
    files = [f"EnvironmentFile={layout.CONFIG}/{name}.env" for name in ("app", "broker")]
    return [f"Environment=PYTHONPATH={layout.AGENT_ROOT}", *files]


def _given(name: str, variables: Mapping[str, Any], defaults: Mapping[str, Any]) -> Any:
    return variables.get(name) or defaults[name]


def _fences(variables: Mapping[str, Any], defaults: Mapping[str, Any]) -> list[str]:
    """Return those of the host's workers, or of beat where it has no workers."""
    groups = variables.get("group_names") or ()
    works = any(str(group).startswith(_WORKERS) for group in groups)
    role = "celery_worker" if works or "celery_beat" not in groups else "celery_beat"
    level, overrides = (
        _given(f"{role}_{name}", variables, defaults) for name in ("sandbox", "sandbox_overrides")
    )
    return sandbox(str(level), overrides)
