# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Names in the inventory that nobody reads: misspelt, moved, or Celery's own in the wrong place."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatch

from .celery_names import SETTINGS
from .problems import Problem

# What the names of our variables begin with, besides those of the roles.
PLAYBOOK_PREFIXES = ("drain_", "measure_", "plan_", "rollout_", "run_lock_", "sender_")
# Variables that had another name. The old one is refused: who set it would believe that it counts.
RENAMED = {
    "celery_worker_task_soft_time_limit": "celery_app_task_soft_time_limit",
    "celery_worker_task_time_limit": "celery_app_task_time_limit",
    "celery_worker_visibility_timeout": "celery_app_visibility_timeout",
    "celery_worker_longest_countdown": "celery_app_longest_countdown",
    "common_user": "celery_host_user",
    "common_group": "celery_host_group",
    "common_packages": "celery_host_packages",
    "common_supported_releases": "celery_host_supported_releases",
}
# Celery's settings that are set elsewhere, where the rest of the fleet reads them too.
ELSEWHERE = {
    "broker_url": "celery_app_broker_url",
    "result_backend": "celery_app_result_backend",
    "task_soft_time_limit": "celery_app_task_soft_time_limit",
    "task_time_limit": "celery_app_task_time_limit",
    "visibility_timeout": "celery_app_visibility_timeout",
    "worker_concurrency": "concurrency of the queue in celery_worker_queues",
    "worker_pool": "pool of the queue in celery_worker_queues",
}
ALLOW_VARIABLE = "celery_app_foreign_variables"
ALLOW_SETTING = "celery_app_foreign_settings"
# Extensions whose settings have a prefix of their own.
EXTENSIONS = ("redbeat_", "django_celery_")
# Celery's settings without an underscore, such as `timezone`, are ordinary words elsewhere.
_SETTING = re.compile(r"[a-z0-9]+_\w+")
_SECRET = re.compile(r"pass|secret|cookie|token|_key|environ|oauth|users", re.IGNORECASE)
# Prefixes shorter than this are words that others use too, two letters away (flower_, tower_).
LONG_PREFIX = 9


def shown(name: str, value: object) -> object:
    """Return the value of a variable as a message may show it: never one that may be, or hold, a secret."""
    return "(hidden)" if _SECRET.search(name) or _holds_secret(value) else value


def _holds_secret(value: object) -> bool:
    """Tell whether a key anywhere within a value is the name of a secret."""
    if isinstance(value, Mapping):
        return any(_SECRET.search(str(key)) or _holds_secret(part) for key, part in value.items())
    return isinstance(value, list | tuple) and any(map(_holds_secret, value))


def unread(
    variables: Mapping[str, object],
    known: Collection[str],
    prefixes: Collection[str],
    allowed: Iterable[str] = (),
) -> list[Problem]:
    """Return the variables of a host that look like ours and that nobody reads.

    :param known: every variable that a role or a playbook reads or sets.
    :param prefixes: what our names begin with, each with its underscore.
    :param allowed: shell globs of names that belong to somebody else, `celery_app_foreign_variables`.
    """
    return [
        problem
        for name in sorted(variables)
        if name not in known and not any(fnmatch(name, pattern) for pattern in allowed)
        for problem in _unread(name, variables[name], known, prefixes)
    ]


def _unread(name: str, value: object, known: Collection[str], prefixes: Collection[str]) -> list[Problem]:
    if name.startswith("ansible_"):
        return []
    if name in RENAMED:
        fix = f"rename it to {RENAMED[name]}"
        if not name.startswith("celery_"):
            fix = f"{fix}, or if it is somebody else's, list it in {ALLOW_VARIABLE}"
        return [Problem(name, shown(name, value), "this variable has another name now", fix)]
    if name in SETTINGS and _SETTING.fullmatch(name):
        fix = f"set {ELSEWHERE.get(name, f'celery_app_settings.{name}')}"
        return [Problem(name, shown(name, value), "a setting of Celery, which nobody reads here", fix)]
    ours = name.startswith((*prefixes, *PLAYBOOK_PREFIXES))
    if not ours and not any(_resembles(name, prefix) for prefix in prefixes):
        return []
    # Another's name may begin almost as ours (tower_port, flower_port): then all of it has to be near.
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.75 if ours else 0.85)
    if not ours and not near:
        return []
    fix = f"did you mean {near[0]}?" if near else "docs/reference/variables.md has every name."
    fix = f"{fix} If it is somebody else's, list it in {ALLOW_VARIABLE}"
    value = shown(" ".join([name, *near]), value)
    return [Problem(name, value, "nobody reads a variable of this name", fix)]


def unknown_settings(settings: object, allowed: Collection[str] = ()) -> list[Problem]:
    """Return the settings of `celery_app_settings` that Celery does not know.

    :param allowed: names that the app's own code reads, `celery_app_foreign_settings`.
    """
    if not isinstance(settings, Mapping):
        return []
    problems = []
    for name, value in settings.items():
        if name in SETTINGS or name in allowed or str(name).startswith(EXTENSIONS):
            continue
        near = difflib.get_close_matches(str(name), SETTINGS, n=1)
        fix = f"did you mean {near[0]}?" if near else "Celery's documentation has the names."
        fix = f"{fix} If the app's own code reads it, list it in {ALLOW_SETTING}"
        variable = f"celery_app_settings.{name}"
        problems.append(Problem(variable, shown(str(name), value), "Celery has no setting of this name", fix))
    return problems


def _resembles(name: str, prefix: str) -> bool:
    """Tell whether a name begins almost as the prefix: within one letter, or two of a long one."""
    most = 2 if len(prefix) >= LONG_PREFIX else 1
    end = name.find("_", len(prefix) - most - 1)
    return 0 < end < len(name) - 1 and distance(name[: end + 1], prefix) <= most


def distance(one: str, other: str) -> int:
    """Return how many letters have to be added, removed or exchanged (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        above, row[0] = row[0], number
        for index, another in enumerate(other, 1):
            least = min(row[index] + 1, row[index - 1] + 1, above + (letter != another))
            above, row[index] = row[index], least
    return row[-1]
