"""What YAML registers reaches Python as an argument: a plugin that knows the name reads what none passed."""

from __future__ import annotations

import re
from collections import Counter

from reference.roles import ROOT


def test_no_plugin_names_a_variable_of_a_playbook() -> None:
    plays = "".join(path.read_text() for path in sorted((ROOT / "playbooks").rglob("*.yml")))
    private = set(re.findall(r"\b__[a-z]\w+", plays))
    assert private >= {"__rollout_seen", "__rollout_restart", "__rollout_journal", "__drain", "__rollback"}
    found = {
        f"{path.relative_to(ROOT)}: {word}"
        for path in (ROOT / "plugins").rglob("*")
        if path.suffix in (".py", ".yml")
        for word in re.findall(r"\b__[a-z]\w*", path.read_text())
        # Of an f-string only the beginning is there.
        if word in private or (word.endswith("_") and any(name.startswith(word) for name in private))
    }
    assert found == set()


def test_each_register_of_the_shared_tasks_is_written_in_one_file() -> None:
    """The way back overwrites nothing that is still to be told of the way forward."""
    files = sorted((ROOT / "playbooks/tasks").glob("*.yml"))
    written = Counter(
        name for path in files for name in set(re.findall(r"register: (\w+)", path.read_text()))
    )
    assert written
    assert [name for name, count in written.items() if count > 1] == []
