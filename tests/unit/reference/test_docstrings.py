# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Docstrings have one form: `:param name:`, `:raises Error:`, and sentences for all else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from reference.roles import ROOT

TREES = ("plugins", "roles/celery_app/files", "tests", "tools")
# The sections of Google's form, and a parameter without its field.
SECTION = re.compile(r"^(Args|Arguments|Attributes|Parameters|Raises|Returns|Yields):\s*$")
BARE = re.compile(r"^([a-z_]+(?:, [a-z_]+)*): \S")


def docstrings(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (text := ast.get_docstring(node)):
            yield node, text


def named(node: ast.AST) -> set[str]:
    """Return the parameters of a function or the fields of a class."""
    if isinstance(node, ast.FunctionDef):
        return {argument.arg for argument in [*node.args.args, *node.args.kwonlyargs]}
    return {
        part.target.id
        for part in ast.iter_child_nodes(node)
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    }


def other_forms(path: Path) -> list[str]:
    found = []
    for node, text in docstrings(ast.parse(path.read_text(encoding="utf-8"))):
        for line in text.splitlines()[1:]:
            bare = BARE.match(line)
            if SECTION.match(line) or (bare and set(bare[1].split(", ")) <= named(node)):
                found.append(line)
    return found


@pytest.mark.parametrize("tree", TREES)
def test_every_docstring_has_the_one_form(tree: str) -> None:
    found = {str(path.relative_to(ROOT)): other_forms(path) for path in sorted((ROOT / tree).rglob("*.py"))}
    assert {path: lines for path, lines in found.items() if lines} == {}
