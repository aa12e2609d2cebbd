# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Rows as a table of plain text that fits a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GAP = "  "
NOTHING = "-"
NARROWEST = 6


@dataclass(frozen=True)
class Column:
    """One column.

    :param key: The row's key that it shows.
    :param title: Its heading.
    :param merge: Whether a value that repeats the row above is left out, as in a list of hosts.
    """

    key: str
    title: str
    merge: bool = False


def table(rows: Sequence[Mapping[str, object]], columns: Sequence[Column], width: int = 100) -> list[str]:
    """Return the heading and a line for each row.

    Numbers stand to the right, words to the left; a missing value is a dash. When the table is wider than
    ``width`` characters its widest columns of words are cut, with an ellipsis, down to six characters.
    """
    cells = [[_cell(row.get(column.key)) for column in columns] for row in rows]
    numeric = [
        any(_is_number(row.get(column.key)) for row in rows)
        and all(_is_number(row.get(column.key)) or _cell(row.get(column.key)) == NOTHING for row in rows)
        for column in columns
    ]
    titles = [column.title for column in columns]
    widths = [max(len(line[index]) for line in [titles, *cells]) for index in range(len(columns))]
    _shrink(widths, numeric, width)
    merged = [_merged(cells, number, columns) for number in range(len(cells))]
    return [_line(line, widths, numeric) for line in [titles, *merged]]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())
    return text or NOTHING


def _shrink(widths: list[int], numeric: Sequence[bool], width: int) -> None:
    """Take what is too much off the widest columns of words, one character at a time."""
    words = [index for index, number in enumerate(numeric) if not number]
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - width
    while excess > 0 and words:
        widest = max(words, key=lambda index: widths[index])
        if widths[widest] <= NARROWEST:
            return
        widths[widest] -= 1
        excess -= 1


def _merged(cells: Sequence[Sequence[str]], number: int, columns: Sequence[Column]) -> list[str]:
    """Return a row without what it repeats; a merged column is only blank when those left of it are."""
    row = list(cells[number])
    for index, column in enumerate(columns):
        if not column.merge or not number or cells[number - 1][index] != row[index]:
            break
        row[index] = ""
    return row


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    fitted = [
        _cut(text, width).rjust(width) if number else _cut(text, width).ljust(width)
        for text, width, number in zip(cells, widths, numeric, strict=True)
    ]
    return GAP.join(fitted).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
