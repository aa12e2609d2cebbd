# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wrong with the inventory, in one line that an operator can act on."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass

_USERINFO = re.compile(r"(://)[^/@\s]+@")
_LONGEST = 100


def one_line(text: str) -> str:
    """Return the text with every run of white space as one space, what a terminal acts on escaped."""
    joined = " ".join(text.split())
    return joined if joined.isprintable() else "".join(map(_printable, joined))


def _printable(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]


def shown(value: object) -> str:
    """Return the value as a message shows it: short, on one line, and without the password of a URL."""
    text = _USERINFO.sub(r"\1***@", one_line(str(value))) or "''"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return the fix for an unknown word: the known one that is nearest, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(str(word), names, n=1)
    return f"did you mean {near[0]}?" if near else f"use one of {', '.join(names)}"


@dataclass(frozen=True)
class Problem:
    """One thing that an operator has to fix before the play may change a host.

    :param variable: the inventory variable, with its path inside (celery_worker_queues.mail.pool).
    :param value: what it holds.
    :param what: what is wrong with it.
    :param fix: what to do about it.
    """

    variable: str
    value: object
    what: str
    fix: str

    def text(self, host: str) -> str:
        """Return the message as this host tells it, on one line."""
        return one_line(f"{host}: {self.variable} = {shown(self.value)}: {self.what}; {self.fix}")


class PlanError(ValueError):
    """The host cannot be planned; the problems say why."""

    def __init__(self, host: str, problems: list[Problem]) -> None:
        super().__init__("\n".join(problem.text(host) for problem in problems))
        self.problems = problems
