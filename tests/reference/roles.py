"""What a role says of itself: its defaults, its argument specs, its phases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
PHASES = ("preflight", "install", "configure", "service", "verify")


@dataclass(frozen=True)
class Role:
    """One role of the collection."""

    directory: Path

    @property
    def name(self) -> str:
        """Its name."""
        return self.directory.name

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """Its default values, as written."""
        return self.read("defaults/main.yml") or {}

    @cached_property
    def internals(self) -> dict[str, Any]:
        """Its own variables, which nobody sets."""
        return self.read("vars/main.yml") or {}

    @cached_property
    def entry_points(self) -> dict[str, Any]:
        """Its argument specs, by entry point."""
        specs: dict[str, Any] = self.read("meta/argument_specs.yml")["argument_specs"]
        return specs

    @property
    def options(self) -> dict[str, Any]:
        """The variables that an operator may set."""
        options: dict[str, Any] = self.entry_points["main"].get("options", {})
        return options

    @cached_property
    def tasks(self) -> list[dict[str, Any]]:
        """The entries of its tasks/main.yml."""
        entries: list[dict[str, Any]] = self.read("tasks/main.yml")
        return entries

    @cached_property
    def phases(self) -> list[dict[str, Any]]:
        """The entries of its tasks/phases.yml, which follow its preflight."""
        entries: list[dict[str, Any]] = self.read("tasks/phases.yml")
        return entries

    def read(self, path: str) -> Any:
        """The content of one of its YAML files."""
        return yaml.safe_load((self.directory / path).read_text())


def roles() -> list[Role]:
    """Every role of the collection."""
    return [Role(path.parent.parent) for path in sorted(ROOT.glob("roles/*/meta/main.yml"))]
