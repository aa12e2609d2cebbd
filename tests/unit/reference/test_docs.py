"""The documentation holds together: every link leads somewhere, every promise names a command that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from reference.roles import ROOT

PAGES = [path for glob in ("*.md", "docs/**/*.md", "roles/*/README.md") for path in sorted(ROOT.glob(glob))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_promise_names_commands_and_files_that_exist() -> None:
    text = (ROOT / "docs/promises.md").read_text()
    targets = set(re.findall(r"^([a-z-]+(?: [a-z-]+)*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    known = {word for line in targets for word in line.split()}
    assert set(re.findall(r"`make ([a-z-]+)", text)) - known == set()
    scenarios = set(re.findall(r"molecule S=([a-z_]+)", text))
    assert {name for name in scenarios if not (ROOT / "molecule" / name / "molecule.yml").is_file()} == set()
    paths = re.findall(r"`((?:tests|molecule)/[^`]+)`", text)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
