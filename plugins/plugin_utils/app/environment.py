# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Environment variables as systemd's EnvironmentFile= reads them.

Source: systemd.exec(5), EnvironmentFile=; parse_env_file() and env_assignment_is_valid() of systemd 252.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ansible_collections.celeryops.systemd.plugins.module_utils import layout

from ..inventory.problems import Problem

VARIABLE = "celery_app_environment"
_OURS = "the roles set this one"
_CODE = "it decides which code runs"
_OPTION = "Celery's command line takes it as an option"
_SYSTEMD = "systemd sets this one"
_STOP = "it decides how a worker stops"
_QUEUE = "of the queue in celery_worker_queues"
# What begins like this is not the inventory's: why, and what to do; the longest beginning counts. The same
# with more words: docs/reference/environment.md.
RESERVED = {
    "CELERY_BROKER_URL": (_OURS, "set celery_app_broker_url"),
    "CELERY_RESULT_BACKEND": (_OURS, "set celery_app_result_backend"),
    "CELERY_ARGUMENTS": (_OURS, f"set arguments {_QUEUE}"),
    "CELERY_CONCURRENCY": (_OURS, f"set concurrency {_QUEUE}"),
    "CELERY_LOG_FILE": (_OURS, "set celery_app_log_destination"),
    "CELERY_LOG_LEVEL": (_OURS, "set celery_worker_log_level or celery_beat_log_level"),
    "CELERY_NODE": (_OURS, "leave it out: a node is named after its queue, pool and host"),
    "CELERY_POOL": (_OURS, f"set pool {_QUEUE}"),
    "CELERY_QUEUES": (_OURS, f"set consumes {_QUEUE}"),
    "CELERY_SCHEDULER": (_OURS, "set celery_beat_scheduler"),
    "CELERY_": (_OPTION, f"set celery_app_settings, or arguments {_QUEUE}"),
    "CELERYOPS_APP": (_OURS, "set celery_app_target"),
    "CELERYOPS_BEAT": (_OURS, "set celery_beat_schedules"),
    "CELERYOPS_EXTRA": (_OURS, f"set scale {_QUEUE}"),
    "CELERYOPS_MAX_DELIVERIES": (_OURS, "set celery_app_max_deliveries"),
    "CELERYOPS_SETTINGS": (_OURS, "set celery_app_settings"),
    "CELERYOPS_STOP_": (_STOP, f"set stop_within {_QUEUE}"),
    "CELERYOPS_": (_OURS, "leave it out: the agent alone reads it"),
    "REMAP_SIGTERM": (_STOP, f"set stop_within {_QUEUE}"),
    "NOTIFY_SOCKET": (_SYSTEMD, "leave it out: the agent speaks to systemd through it"),
    "WATCHDOG_": (_SYSTEMD, "set celery_worker_watchdog or celery_beat_watchdog"),
    "PYTHON": (_CODE, "set it in the app's code"),
    "LD_": (_CODE, "name the place of the libraries in /etc/ld.so.conf.d of the hosts"),
}
# These only as they are.
RESERVED_NAMES = {"PATH": (_CODE, "let the app call programs by their whole path")}
# What the agent's directory is put before; Flower has no agent, and takes none.
PYTHON_PATH = "PYTHONPATH"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# systemd refuses a value with any other control character, and with it the whole unit.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_SPECIAL = re.compile(r'(["\\$`])')


def environment_file(variables: Mapping[str, object]) -> str:
    """Return the text of a file that gives exactly these variables; those of None are left out.

    Booleans become true and false. Before what ``PYTHONPATH`` holds comes the agent's directory.

    :raises ValueError: names a variable that systemd would refuse.
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
    if name == PYTHON_PATH:
        text = f"{layout.AGENT_ROOT}:{text}"
    if _CONTROL.search(text):
        raise ValueError(f"{name}: holds a control character")
    return text


def environment_problems(
    variables: object, holder: str = VARIABLE, python_path: bool = True
) -> list[Problem]:
    """Return what is wrong with the operator's environment variables, without their values.

    :param holder: the variable of the inventory that holds them.
    :param python_path: whether ``PYTHONPATH`` may be among them.
    """
    if not isinstance(variables, Mapping):
        return [Problem(holder, "(hidden)", "not a mapping", "set it to a mapping of names to values")]
    problems = []
    for name, value in variables.items():
        if name == PYTHON_PATH and python_path:
            problems += _path_problem(holder, value)
        elif reserved := _reserved(str(name)):
            problems.append(Problem(f"{holder}.{name}", "(hidden)", *reserved))
        else:
            problems += environment_problem(holder, name, value)
    return problems


def _path_problem(holder: str, value: object) -> list[Problem]:
    """Return why a value cannot extend the path on which Python looks for modules."""
    if value is None or all(part.startswith("/") for part in str(value).split(":")):
        return environment_problem(holder, PYTHON_PATH, value)
    what = "not absolute paths with : between them"
    return [
        Problem(f"{holder}.{PYTHON_PATH}", "(hidden)", what, "set it to such; the agent's comes before them")
    ]


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
