"""The table of docs/reliability.md: each run replaces its own row."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from faults.figures import Figures

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- written by make test-faults: begin -->", "<!-- end -->"
HEAD = (
    "| fault | on | sent | done | lost | run twice | works again | restarts | hand | again with |",
    "|---|---|---|---|---|---|---|---|---|---|",
)


def command(fault: str, broker: str) -> str:
    """What repeats a row; it also tells rows apart."""
    return f"`make test-faults F={fault} B={broker}`"


def counted(late: int, early: int) -> str:
    """A count of tasks; those that are acknowledged early are told apart where there are any."""
    return f"{late}, early {early}" if early else str(late)


def row(fault: str, words: str, broker: str, found: Figures) -> str:
    """The row of a run."""
    cells = (
        words, broker, found.sent, found.done, counted(found.lost, found.early_lost),
        counted(found.twice, found.early_twice), f"{found.resumed:.1f} s", found.restarts,
        found.hand or "no", command(fault, broker),
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def with_row(text: str, new: str, faults: Sequence[str], brokers: Sequence[str]) -> str:
    """The page with a row in its place: by fault, then by broker, in the order given."""
    top, _begin, rest = text.partition(BEGIN)
    inside, _end, bottom = rest.partition(END)
    order = [command(fault, broker) for fault in faults for broker in brokers]
    rows = {_command(line): line for line in inside.splitlines() if _command(line) in order}
    rows[_command(new)] = new
    lines = [rows[key] for key in order if key in rows]
    return "\n".join([top + BEGIN, "", *HEAD, *lines, "", END]) + bottom


def _command(line: str) -> str:
    return line.rstrip("| ").rpartition("| ")[2]
