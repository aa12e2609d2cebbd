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
_OURS = "the roles set this one"
_CODE = "it decides which code runs"
# What begins like this is not the inventory's: why, and what to do; the longest beginning counts.
RESERVED = {
    "CELERY_BROKER_URL": (_OURS, "set celery_app_broker_url"),
    "CELERY_RESULT_BACKEND": (_OURS, "set celery_app_result_backend"),
    "CELERY_": (_OURS, "set the variable of the role that belongs to it"),
    "CELERYOPS_": (_OURS, "set the variable of the role that belongs to it"),
    "NOTIFY_SOCKET": (_OURS, "set the variable of the role that belongs to it"),
    "WATCHDOG_": (_OURS, "set the variable of the role that belongs to it"),
    "PYTHONPATH": (_CODE, "install the package with the app, or set celery_app_directory"),
    "PYTHON": (_CODE, "set it in the app's code"),
    "LD_": (_CODE, "name the place of the libraries in /etc/ld.so.conf.d of the hosts"),
}
# These only as they are.
RESERVED_NAMES = {"PATH": (_CODE, "let the app call programs by their whole path")}
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


def environment_problems(variables: object, holder: str = VARIABLE) -> list[Problem]:
    """Return what is wrong with the operator's environment variables, without their values.

    :param holder: the variable of the inventory that holds them.
    """
    if not isinstance(variables, Mapping):
        return [Problem(holder, "(hidden)", "not a mapping", "set it to a mapping of names to values")]
    problems = []
    for name, value in variables.items():
        variable = f"{holder}.{name}"
        if reserved := _reserved(str(name)):
            problems.append(Problem(variable, "(hidden)", *reserved))
            continue
        problems += environment_problem(holder, name, value)
    return problems


def _reserved(name: str) -> tuple[str, str] | None:
    """Return why a name is not the inventory's, and what to do instead."""
    beginnings = sorted((one for one in RESERVED if name.startswith(one)), key=len)
    return RESERVED[beginnings[-1]] if beginnings else RESERVED_NAMES.get(name)


def environment_problem(of: str, name: object, value: object) -> list[Problem]:
    """Return why systemd would refuse an environment variable of the mapping ``of``, without its value."""
    try:
        environment_file({str(name): value})
    except ValueError as error:
        what = str(error).removeprefix(f"{name}: ")
        fix = "systemd would refuse it; give it as the app reads it from a string"
        return [Problem(f"{of}.{name}", "(hidden)", what, fix)]
    return []
