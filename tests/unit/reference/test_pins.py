# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What runs here and is not ours is the very thing that somebody looked at."""

from __future__ import annotations

import re

from reference.roles import ROOT


def requirements(name: str) -> list[str]:
    """Return the entries of a file, each on one line."""
    text = (ROOT / "requirements" / name).read_text().replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_each_tool_has_a_hash_and_none_a_place() -> None:
    locked = requirements("dev.txt")
    assert [line for line in locked if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", line)] == []
    assert [line for line in locked if "://" in line or "index" in line] == []


def test_what_is_asked_for_is_what_is_locked() -> None:
    """``requirements/dev.in`` tells how dev.txt is made anew."""
    locked = {line.split(" ")[0] for line in requirements("dev.txt")}
    asked = {re.sub(r"\[.*\]", "", line).lower() for line in requirements("dev.in") if "==" in line}
    assert asked - locked == set()


def test_each_action_of_a_workflow_is_a_commit() -> None:
    found = [
        line.strip()
        for path in (ROOT / ".github/workflows").glob("*.yml")
        for line in path.read_text().splitlines()
        if re.match(r"\s*(?:- )?uses:", line)
    ]
    assert found
    assert [line for line in found if not re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []
