"""What the scenarios rollout and rollout_django recorded, as a table: one row for what was done to the fleet.

    python -m proof.rollout FILE...      the files that ROLLOUT_RECORD named, a run each or several

The exit status is 0 when no task was lost or ran twice, and every queue kept a consumer that had two.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: A queue that leaves the inventory on purpose in the step of this name has no consumer while it is gone.
LEAVES = "a_queue_leaves"


@dataclass
class Row:
    """What came of one thing that was done, over all runs.

    :param runs: How often it was done.
    :param sent, done, lost, twice: Tasks; those that ended badly are among the lost.
    :param longest_wait: Seconds between a task's sending and its start.
    :param fewest: The fewest consumers that a queue ever had, of those that had two or more.
    """

    runs: int = 0
    sent: int = 0
    done: int = 0
    lost: int = 0
    twice: int = 0
    longest_wait: float = 0.0
    fewest: int | None = None

    def add(self, record: dict[str, Any]) -> None:
        """One run more."""
        self.runs += 1
        total = record["accounts"][-1]
        self.sent += total["sent"]
        self.done += total["done"]
        self.lost += len(total["lost"]) + len(total["failed"])
        self.twice += len(total["twice"])
        self.longest_wait = max(self.longest_wait, total["longest_wait"])
        for queue in record["consumers"]:
            if queue["first"] > 1 and not record["what"].startswith(LEAVES):
                self.fewest = min(queue["fewest"], queue["first"] if self.fewest is None else self.fewest)

    @property
    def kept(self) -> bool:
        """Whether nothing was lost, ran twice or was left alone."""
        return self.lost == self.twice == 0 and self.done == self.sent and self.fewest != 0


def gather(records: Iterable[dict[str, Any]]) -> dict[str, Row]:
    """The rows by what was done, in the order of the first run."""
    rows: dict[str, Row] = {}
    for record in records:
        rows.setdefault(record["what"], Row()).add(record)
    return rows


def table(rows: dict[str, Row]) -> list[str]:
    """The lines of the table."""
    lines = [f"{'':52} runs   sent   done lost twice longest wait fewest"]
    for what, row in rows.items():
        fewest = "-" if row.fewest is None else row.fewest
        words = what.replace("_", " ")[:52]
        lines.append(
            f"{words:52} {row.runs:4} {row.sent:6} {row.done:6} {row.lost:4} {row.twice:5}"
            f" {row.longest_wait:10.1f} s {fewest:>6}"
        )
    return lines


def main(paths: Sequence[str]) -> int:
    """Print the table of the files; return the exit status."""
    rows = gather(json.loads(line) for path in paths for line in Path(path).read_text().splitlines())
    print(*table(rows), sep="\n")
    return 0 if rows and all(row.kept for row in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
