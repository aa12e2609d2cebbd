# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Commands of the app: those before a new release is switched to, and those that an operator runs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..inventory.problems import Problem
from ..rollout import rolled_back
from ..run.app_command import silent_end

VARIABLE = "celery_app_before_switch"
# Shorter values are words such as "true": hiding them would make the output unreadable.
SHORTEST_SECRET = 8
_EXAMPLE = "[[python, manage.py, migrate, --noinput]]"


def problems(commands: object, source: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the commands before a switch.

    :param commands: `celery_app_before_switch`.
    :param source: `celery_app_source`.
    """
    if not isinstance(commands, Sequence) or isinstance(commands, str):
        return [Problem(VARIABLE, commands, "not a list of commands", f"write it as {_EXAMPLE}")]
    found = [
        Problem(VARIABLE, command, "not a list of words", f"write it as {_EXAMPLE}")
        for command in commands
        if not _is_words(command)
    ]
    if commands and source.get("type") == "external":
        what = "with celery_app_source.type = external nothing is switched"
        found.append(Problem(VARIABLE, commands, what, "run them where you deploy, or play run"))
    return found


def _is_words(command: object) -> bool:
    if not isinstance(command, Sequence) or isinstance(command, str) or not command:
        return False
    return all(isinstance(word, str | int | float) for word in command) and " " not in str(command[0])


def switching_host(hosts: Mapping[str, Mapping[str, Any]], packed: str, named: bool) -> str:
    """Return the host on which commands run once: the first that is about to get another release.

    :param hosts: what is known of each host, in the play's order.
    :param packed: the release that the inventory's source gives.
    :param named: whether the operator asks for it in this run.
    """
    for host, facts in hosts.items():
        choice = rolled_back.choose(packed, facts.get("release", ""), facts.get("rolled_back", ""), named)
        if choice.release != facts.get("release", ""):
            return host
    return ""


def words(command: object) -> list[str]:
    """Return the words of a command, as a shell would; none where it has none or its quotes do not end."""
    if not isinstance(command, str):
        return [str(word) for word in command] if isinstance(command, Sequence) else []
    try:
        return shlex.split(command)
    except ValueError:
        return []


def lines(
    result: Mapping[str, Any], host: str, argv: Iterable[object], secrets: Iterable[object]
) -> list[str]:
    """Return what a command said, below a line that tells which and where.

    :param result: of the task, with ``rc``, ``stdout`` and ``stderr``.
    :param secrets: values that are not shown.
    """
    said = "\n".join(filter(None, (str(result.get(stream) or "") for stream in ("stdout", "stderr"))))
    for value in sorted({str(one) for one in secrets}, key=len, reverse=True):
        if len(value) >= SHORTEST_SECRET:
            said = said.replace(value, "***")
    return [f"{host}: {shlex.join(str(word) for word in argv)}", *(f"  {line}" for line in said.splitlines())]


def failure(
    result: Mapping[str, Any], host: str, argv: Iterable[object], variable: str, fix: str
) -> list[str]:
    """Return why a command failed; nothing where it did not.

    :param variable: what names it.
    """
    code = int(result.get("rc") or 0)
    if not code:
        return []
    said = any(str(result.get(stream) or "").strip() for stream in ("stdout", "stderr"))
    what = f"it ended with exit status {code}" + ("" if said else f": {silent_end(code)}")
    return [Problem(variable, shlex.join(str(word) for word in argv), what, fix).text(host)]
