# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The private parts of Celery and kombu that the agent reaches into: whether they are as it expects them.

Each module that reaches into some declares them as INTERNALS. The import check refuses a release with others
before any worker has it, and the agent refuses to start with them.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import celery
import kombu

#: The oldest Celery that the agent's promises have been shown with: docs/reference/compatibility.md.
OLDEST = (5, 5)

#: Without redis-py it does not import.
REDIS_TRANSPORT = "kombu.transport.redis"

#: The modules of the agent that declare INTERNALS.
DECLARING = (
    "beat", "beside", "consumption", "dead_letters", "deliveries", "settings", "worker",
    "patches.acks", "patches.delayed", "patches.events", "patches.kept", "patches.prefork", "patches.redis",
    "patches.schedules", "patches.slot",
)  # fmt: skip


@dataclass(frozen=True)
class Internal:
    """One private part.

    :param name: ``module:name`` or ``module:Class.name``.
    :param takes: the names of its first parameters, for what is called or replaced; None for other things.
    :param uses: names that its code uses: of what hangs on objects at run time and on no class.
    :param optional: whether the whole module may be missing, for it came with a later version.
    """

    name: str
    takes: tuple[str, ...] | None = None
    uses: tuple[str, ...] = ()
    optional: bool = False

    def problem(self) -> str:
        """Return what is not as expected; empty when all is."""
        module, _colon, path = self.name.partition(":")
        if module == REDIS_TRANSPORT and find_spec("redis") is None:
            return ""  # a fleet on RabbitMQ may not have it, and uses nothing of it
        try:
            found: Any = import_module(module)
        except ImportError as exc:
            return "" if self.optional else f"{self.name}: {exc}"
        try:
            for part in path.split("."):
                found = getattr(found, part)
        except AttributeError:
            return f"{self.name} is not there"
        if self.takes is not None:
            takes = tuple(inspect.signature(found).parameters)
            if takes[: len(self.takes)] != self.takes:
                return f"{self.name} takes ({', '.join(takes)}) where ({', '.join(self.takes)}) is expected"
        if self.uses:
            code = inspect.unwrap(found).__code__
            missing = [name for name in self.uses if name not in code.co_names + code.co_varnames]
            if missing:
                return f"{self.name} knows no {' and no '.join(missing)}"
        return ""


def changed(internals: Iterable[Internal] | None = None) -> str:
    """Return what is not as the agent expects it, with the versions; empty when all is.

    :param internals: those to look at; None for all that are declared.
    """
    versions = f"celery {celery.__version__} with kombu {kombu.__version__}"
    if tuple(celery.VERSION[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return f"{versions}: the oldest Celery that is supported is {oldest}"
    if internals is None:
        internals = [
            each for module in DECLARING for each in import_module(f"celeryops_agent.{module}").INTERNALS
        ]
    problems = [problem for each in internals if (problem := each.problem())]
    return f"{versions}: {'; '.join(problems)}" if problems else ""
