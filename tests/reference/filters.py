"""The filters of the collection: where each is, and where its documentation stands."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from reference.roles import ROOT

COLLECTION = "celeryops.systemd"
DIRECTORY = ROOT / "plugins" / "filter"
PARTS = ("DOCUMENTATION", "EXAMPLES", "RETURN")


@dataclass(frozen=True)
class Filter:
    """One filter.

    :param file: the Python file that names it, which may name others of its subject.
    """

    name: str
    file: Path
    function: Callable[..., Any]

    @property
    def sidecar(self) -> Path:
        """The file beside that documents it."""
        return self.file.with_name(f"{self.name}.yml")

    @property
    def documentation(self) -> dict[str, Any]:
        """Its documentation, each part read."""
        parts: dict[str, Any] = yaml.safe_load(self.sidecar.read_text())
        return {**parts, "EXAMPLES": yaml.safe_load(parts["EXAMPLES"])}

    @property
    def options(self) -> dict[str, Any]:
        """What it says of its arguments, the input among them, those of its fragments first."""
        documentation = self.documentation["DOCUMENTATION"]
        names = documentation.get("extends_documentation_fragment", [])
        found: dict[str, Any] = {}
        for name in [names] if isinstance(names, str) else names:
            fragment = load(ROOT / "plugins" / "doc_fragments" / f"{name.rpartition('.')[2]}.py")
            found |= yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"]
        return {**found, **documentation.get("options", {})}

    @property
    def parameters(self) -> list[inspect.Parameter]:
        """What it takes, the input first."""
        return list(inspect.signature(self.function).parameters.values())


def load(path: Path) -> Any:
    """The module of one of the plugins' files."""
    place = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return importlib.import_module(f"ansible_collections.{COLLECTION}.{place}")


def filters() -> list[Filter]:
    """Every filter, by file; one that two files name comes twice."""
    files = [path for path in sorted(DIRECTORY.glob("*.py")) if path.stem != "__init__"]
    return [
        Filter(name, file, function)
        for file in files
        for name, function in sorted(load(file).FilterModule().filters().items())
    ]


def sidecars() -> list[Path]:
    """The files that document a filter beside its Python."""
    return sorted(DIRECTORY.glob("*.yml"))


def named() -> dict[str, list[Path]]:
    """The filters of the collection that its YAML, templates and pages name, each with the files that do."""
    files = [
        path
        for part in ("roles", "playbooks", "docs", "plugins", "molecule", "tests", "README.md")
        for path in ([ROOT / part] if (ROOT / part).is_file() else sorted((ROOT / part).rglob("*")))
        if path.suffix in (".yml", ".j2", ".md", ".py")
    ]
    # A pipe before it, a reference in documentation, or one by keywords, as `seealso` has it.
    pattern = re.compile(
        rf"\|\s*{re.escape(COLLECTION)}\.(\w+)|P\({re.escape(COLLECTION)}\.(\w+)#filter\)"
        rf"|plugin: {re.escape(COLLECTION)}\.(\w+)\n\s+plugin_type: filter"
    )
    found: dict[str, list[Path]] = {}
    for path in files:
        for names in pattern.findall(path.read_text()):
            found.setdefault("".join(names), []).append(path)
    return found
