# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The five fields of a crontab, read as Celery's own parser does (celery.schedules.crontab_parser).

Less what that takes by accident: the name of a month among the minutes, say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Of a month that is not 31 days long, its longest day.
LONGEST = {4: 30, 6: 30, 9: 30, 11: 30, 2: 29}


@dataclass(frozen=True)
class Field:
    """One field of a crontab: its range, and the words that stand for its numbers from the least on."""

    name: str
    least: int
    most: int
    words: tuple[str, ...] = ()


MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# In the order of crontab(5).
FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day_of_month", 1, 31),
    Field("month_of_year", 1, 12, MONTHS),
    Field("day_of_week", 0, 6, DAYS),
)
NAMES = tuple(field.name for field in FIELDS)


def values(text: str, field: Field) -> set[int]:
    """Return the numbers that one field of a crontab stands for.

    :raises ValueError: It is not one, with the reason.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/(\d+))?", part)
        if not match:
            raise ValueError(f"'{part}' is not *, a number, a range a-b, or one of them with a step /n")
        star, first, last, step = match.groups()
        if step is not None and (int(step) < 1 or not (star or last)):
            raise ValueError(f"the step of '{part}' needs * or a range before it, and 1 or more behind it")
        found.update(_range(star, first, last, field)[:: int(step or 1)])
    return found


def _range(star: str | None, first: str | None, last: str | None, field: Field) -> list[int]:
    whole = list(range(field.least, field.most + 1))
    if star:
        return whole
    start = _number(str(first), field)
    end = start if last is None else _number(last, field)
    if end < start:  # Celery lets a range run over the end: 22-3 of the hours
        return [n for n in whole if n >= start] + [n for n in whole if n <= end]
    return list(range(start, end + 1))


def _number(word: str, field: Field) -> int:
    if word.isascii() and word.isdigit():
        number = int(word)
        if field.least <= number <= field.most:
            return number
    elif word.lower()[:3] in field.words:
        return field.words.index(word.lower()[:3]) + field.least
    also = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
    raise ValueError(f"'{word}' is not {field.least} to {field.most}{also}")


def fields_of(value: object) -> dict[str, str] | None:
    """Return the fields that are given, each as crontab(5) writes it; None when it is no crontab.

    :param value: Five fields in one text, or a mapping. YAML makes a number of one value, and a list of
        several.
    """
    if isinstance(value, Mapping):
        return {str(name): _text(field) for name, field in value.items()}
    words = value.split() if isinstance(value, str) else []
    return dict(zip(NAMES, words, strict=True)) if len(words) == len(NAMES) else None


def _text(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(str(each) for each in value)
    return str(value)


def occurs(days: set[int], months: set[int]) -> bool:
    """Tell whether one of these days is in one of these months, of any year."""
    return any(day <= LONGEST.get(month, 31) for month in months for day in days)
