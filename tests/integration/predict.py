"""Does `--check --diff` tell the truth? Runs a play in check mode, then for real, and compares what changed.

    python -m integration.predict celeryops.systemd.site -i inventory [more ansible-playbook arguments]

Exits 0 when both runs name the same changed tasks, files and restarts on the same hosts, 1 with the
difference otherwise, 2 when a run failed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

CALLBACKS = Path(__file__).resolve().parent.parent / "callback"
Change = tuple[str, str, str]


def changes(records: Iterable[dict[str, Any]]) -> set[Change]:
    """What a run changed: (host, task, "" or a path or "restart <unit>")."""
    found: set[Change] = set()
    for record in records:
        if record["outcome"] != "changed":
            continue
        where = (record["host"], record["task"])
        found.add((*where, ""))
        found.update((*where, path) for path in record["changed_paths"])
        found.update((*where, f"restart {unit}") for unit in record["restarted"])
    return found


def describe(title: str, found: set[Change]) -> list[str]:
    """Lines for a person; none when there is nothing to say."""
    lines = [f"  {host}: {task} {what}".rstrip() for host, task, what in sorted(found)]
    return [title, *lines] if lines else []


def run(arguments: Sequence[str], record: Path) -> list[dict[str, Any]]:
    """Plays once and returns its records; ends the program with status 2 when the play fails."""
    environment = {
        **os.environ,
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "record",
        "CELERYOPS_RECORD": str(record),
    }
    status = subprocess.run(["ansible-playbook", *arguments], env=environment, check=False).returncode
    if status:
        print(f"predict: ansible-playbook {' '.join(arguments)} ended with {status}", file=sys.stderr)
        raise SystemExit(2)
    return [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]


def main(arguments: Sequence[str]) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        predicted = changes(run([*arguments, "--check", "--diff"], Path(scratch, "check")))
        happened = changes(run(arguments, Path(scratch, "run")))
    if not happened:
        print("predict: the run changed nothing, so it proves nothing", file=sys.stderr)
        return 1
    wrong = [
        *describe("predicted, but did not happen:", predicted - happened),
        *describe("happened, but was not predicted:", happened - predicted),
    ]
    print("\n".join(wrong) if wrong else f"predict: {len(happened)} changes, each predicted")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
