"""Writes docs/reference/variables.md from the roles' argument specs: python -m reference.variables"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from reference.roles import ROOT, Role, roles

PAGE = ROOT / "docs" / "reference" / "variables.md"
HEAD = """# Variables

<!-- Written by `python -m reference.variables` from the roles' argument specs; a unit test compares them. -->

Every variable an operator may set, by role, and at the end those of the playbooks. Set them in the
inventory, for the group `celery` unless a role's README says otherwise. Any other name that looks like one
of these is refused before the first change. `ansible-doc -t role celeryops.systemd.<role>` prints the same
on a terminal.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(section(each) for each in [*roles(), Role(ROOT / "playbooks")])])


def section(role: Role) -> str:
    """One role's variables."""
    title = role.entry_points["main"]["short_description"]
    rows = [row(name, option) for name, option in role.options.items()]
    table = ["| variable | type | default | meaning |", "|---|---|---|---|", *rows] if rows else ["None."]
    return "\n".join([f"## {role.name}", "", f"{title}.", "", *table, ""])


def row(name: str, option: Mapping[str, Any]) -> str:
    """One variable as a row of the table."""
    kind = option.get("type", "str")
    if option.get("elements"):
        kind += f" of {option['elements']}"
    default = "required" if option.get("required") else shown(option.get("default"))
    sentences = " ".join(sentences_of(option))
    if option.get("choices"):
        sentences += " One of " + ", ".join(f"`{choice}`" for choice in option["choices"]) + "."
    return f"| `{name}` | {kind} | {default} | {plain(sentences)} |"


def sentences_of(option: Mapping[str, Any]) -> list[str]:
    """The sentences of an option's description."""
    text = option.get("description", [])
    return [text] if isinstance(text, str) else [str(sentence) for sentence in text]


def shown(default: object) -> str:
    """A default as it would be written in an inventory."""
    if default is None:
        return "derived"
    return f"`{json.dumps(default) if not isinstance(default, str) else default or repr('')}`"


def plain(text: str) -> str:
    """Ansible's markup as Markdown, on one line that a table's cell can hold."""
    text = re.sub(r"\b[CVIBEM]\(([^)]*)\)", r"`\1`", " ".join(text.split()))
    text = re.sub(r"\bO\((?:\w+:)?([^)]*)\)", r"`\1`", text)
    text = re.sub(r"\bP\(([^#)]*)#?[^)]*\)", r"`\1`", text)
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
