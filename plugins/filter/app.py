# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of the app and its releases: their documentation stands beside, in <name>.yml."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.utils.vars import load_extra_vars
from ansible_collections.celeryops.systemd.plugins.plugin_utils import given
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import (
    commands,
    environment,
    release,
    settings,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.rollout import rolled_back
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import app_command as launched

ROLES = Path(__file__).resolve().parents[2] / "roles"


def app_command(
    hostvars: Mapping[str, Mapping[str, Any]],
    host: str,
    words: Sequence[object],
    directory: str = "",
    virtualenv: str = "",
    environment: bool = True,
    known: Mapping[str, Any] | None = None,
) -> list[str]:
    """Return the command; an unknown sandbox is a ValueError."""
    variables = ChainMap(dict(known or {}), hostvars[host])  # type: ignore[arg-type]
    try:
        return launched.app_command(variables, _defaults(), words, directory, virtualenv, environment)
    except ValueError as error:
        raise ValueError(f"{host}: {error}") from None


@cache
def _defaults() -> dict[str, Any]:
    """Return what the roles' variables are by themselves; a play that only asks the app has no preflight."""
    found: dict[str, Any] = {}
    for role in ("celery_host", "celery_app", "celery_worker", "celery_beat"):
        found |= DataLoader().load_from_file(str(ROLES / role / "defaults" / "main.yml"))
    return found


def app_failure(
    result: Mapping[str, Any], host: str, source: str = "", wheelhouse: str = "", virtualenv: str = ""
) -> str:
    """Return the message."""
    if not result.get("failed") and (paths := result.get("changed_paths")):
        return "\n".join(release.deploy_problems(paths, host))
    if virtualenv:
        return launched.import_failure(result, host, virtualenv)
    return release.stage_failure(str(result.get("msg", "")), host, source, wheelhouse)


def celery_settings(
    overrides: Mapping[str, Any],
    timeouts: Mapping[str, Any],
    broker_url: str | None = None,
    result_backend: str | None = None,
    key_prefix: str = "",
    queue_type: str = "",
    ca_file: str = "",
    sentinels: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the settings."""
    given.dictionaries(overrides=overrides, timeouts=timeouts)
    timers = settings.Timeouts(**{name: int(value) for name, value in timeouts.items()})
    own = settings.Own(key_prefix, queue_type, ca_file, sentinels or {})
    return settings.celery_settings(overrides, timers, broker_url, result_backend, own)


def command_report(
    result: Mapping[str, Any],
    host: str,
    command: Any,
    variable: str,
    fix: str,
    secrets: Sequence[object] = (),
) -> dict[str, list[str]]:
    """Return the command's words, what it said, and why it failed."""
    argv = commands.words(command)
    return {
        "words": argv,
        "lines": commands.lines(result, host, argv, secrets),
        "problems": commands.failure(result, host, argv, variable, fix),
    }


def environment_file(variables: Mapping[str, Any]) -> str:
    """Return the file's text; what systemd would refuse is a ValueError."""
    given.dictionaries(variables=variables)
    return environment.environment_file(variables)


def package_files(source: str, destination: str) -> list[dict[str, str | bool]]:
    """Return the entries; a directory without modules is a ValueError."""
    found = release.package_files(source, destination)
    if not found:
        raise ValueError(f"{source} holds no Python file")
    return found


def release_choice(
    facts: Mapping[str, Any], packed: str, keep: int, deploys: bool = False, staged: str = ""
) -> dict[str, Any]:
    """Return the release for the host, what to say about it, and the files; a number with -e is a word."""
    named = deploys or _named(packed)
    choice = rolled_back.choose(packed, facts["release"], facts.get("rolled_back", ""), named)
    shared = {**facts.get("virtualenvs", {}), **release.shared(choice.release, staged)}
    files = release.release_files(facts["releases"], choice.release, facts["release"], int(keep), shared)
    forgotten = [release.mark()] if choice.forget else []
    return {"release": choice.release, "note": choice.note, "files": [*files, *forgotten]}


def _named(release: str) -> bool:
    return str(load_extra_vars(DataLoader()).get("celery_app_release", "")) == release


def switching_host(
    hostvars: Mapping[str, Mapping[str, Any]], hosts: Sequence[str], packed: str, deploys: bool = False
) -> str:
    """Return the host."""
    facts = {host: hostvars[host].get("ansible_facts", {}).get("celeryops", {}) for host in hosts}
    return commands.switching_host(facts, packed, deploys or _named(packed))


class FilterModule:
    """Names the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by their names."""
        return {
            "app_command": app_command,
            "app_failure": app_failure,
            "celery_settings": celery_settings,
            "command_report": command_report,
            "environment_file": environment_file,
            "fingerprint": release.fingerprint,
            "package_files": package_files,
            "release_choice": release_choice,
            "switching_host": switching_host,
        }
