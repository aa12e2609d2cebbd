# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Environment variables as systemd's EnvironmentFile= reads them.

Source: systemd.exec(5), EnvironmentFile=; parse_env_file() and env_assignment_is_valid() of systemd 252.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..inventory.problems import Problem

VARIABLE = "celery_app_environment"
# The agent and the roles set these.
RESERVED = ("CELERY_", "CELERYOPS_", "PYTHONPATH")
RESERVED_FIX = {
    "CELERY_BROKER_URL": "celery_app_broker_url",
    "CELERY_RESULT_BACKEND": "celery_app_result_backend",
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# systemd refuses a value with any other control character, and with it the whole unit.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SPECIAL = re.compile(r'(["\\$`])')


def environment_file(variables: Mapping[str, object]) -> str:
    """Return the text of a file that gives exactly these variables; those of None are left out.

    Booleans become true and false. ValueError names a variable that systemd would refuse.
    """
    lines = []
    for name, value in variables.items():
        if not _NAME.fullmatch(str(name)):
            raise ValueError(f"{name}: not a name of an environment variable")
        if value is not None:
            lines.append(f'{name}="{_SPECIAL.sub(_escaped, _text(str(name), value))}"\n')
    return "".join(lines)


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[1]}"


def _text(name: str, value: object) -> str:
    if isinstance(value, Mapping | list | tuple):
        raise ValueError(f"{name}: a list or a mapping is no value of an environment variable")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if _CONTROL.search(text):
        raise ValueError(f"{name}: holds a control character")
    return text


def environment_problems(variables: object) -> list[Problem]:
    """Return what is wrong with the operator's environment variables, without their values."""
    if not isinstance(variables, Mapping):
        return [Problem(VARIABLE, "(hidden)", "not a mapping", "set it to a mapping of names to values")]
    problems = []
    for name, value in variables.items():
        variable = f"{VARIABLE}.{name}"
        if str(name).startswith(RESERVED):
            fix = f"set {RESERVED_FIX.get(str(name), 'the variable of the role that belongs to it')}"
            problems.append(Problem(variable, "(hidden)", "the roles set this one", fix))
            continue
        try:
            environment_file({name: value})
        except ValueError as error:
            what = str(error).partition(": ")[2]
            fix = "systemd would refuse it; give it as the app reads it from a string"
            problems.append(Problem(variable, "(hidden)", what, fix))
    return problems
