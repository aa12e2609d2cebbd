# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which Celery the collection runs, as far as the inventory tells; the import check sees what is there."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..inventory.problems import Problem

#: The same as of the agent (celeryops_agent.internals).
OLDEST = (5, 5)

_REQUIREMENT = re.compile(r"celery(?![\w.-])\s*(?:\[[^]]*\])?\s*\(?([^;@]*)", re.IGNORECASE)
_CLAUSE = re.compile(r"(===|==|~=|<=|<)\s*v?(\d+(?:\.\d+)*)")


def package_problems(packages: object) -> list[Problem]:
    """Return why a pin of Celery is refused: it allows no version that is supported.

    :param packages: `celery_app_packages`, as pip takes them.
    """
    listed = packages if isinstance(packages, Sequence) and not isinstance(packages, str) else ()
    oldest = ".".join(map(str, OLDEST))
    what = f"the oldest Celery that is supported is {oldest}"
    fix = f"ask for celery[redis]>={oldest}, or one that docs/reference/compatibility.md shows"
    return [
        Problem("celery_app_packages", entry, what, fix)
        for entry in listed
        if (found := _REQUIREMENT.match(str(entry).strip())) and _too_old(found[1])
    ]


def _too_old(specifier: str) -> bool:
    """Whether one of the clauses keeps every supported version out."""
    return any(_keeps_out(sign, version) for sign, version in _CLAUSE.findall(specifier))


def _keeps_out(sign: str, version: str) -> bool:
    release = tuple(int(part) for part in version.split("."))
    older = (*release, 0)[: len(OLDEST)] < OLDEST
    if sign == "<":
        return older or (release[: len(OLDEST)] == OLDEST and not any(release[len(OLDEST) :]))
    if sign == "~=":
        return older and len(release) > len(OLDEST)  # ~=5.4 is any 5.x from there on
    if sign.startswith("==") and len(release) == 1:
        return False  # celery==5.* is any 5.x
    return older
