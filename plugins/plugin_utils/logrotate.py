# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is refused of a rotation."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .inventory.problems import Problem
from .plan import spec

DESTINATIONS = ("journal", "file")
FREQUENCIES = ("daily", "weekly", "monthly")


def problems(asked: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong with the rotation that is asked for.

    :param asked: The role's variables without their prefix: ``log_destination``, ``frequency``, ``keep`` and
        ``max_size``.
    """
    found = [
        Problem(f"logrotate_{name}", asked[name], "no such choice", f"use one of {', '.join(choices)}")
        for name, choices in (("log_destination", DESTINATIONS), ("frequency", FREQUENCIES))
        if asked[name] not in choices
    ]
    keep = spec.whole(asked["keep"])
    if keep is None or keep < 1:
        what = "with none kept, each rotation would throw away the lines before it"
        found.append(Problem("logrotate_keep", asked["keep"], what, "keep at least 1"))
    if not re.fullmatch(r"|[1-9]\d*[kMG]?", str(asked["max_size"])):
        found.append(
            Problem("logrotate_max_size", asked["max_size"], "not a size", "write it as 100M, or ''")
        )
    return found
