# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each directory of the agent is looked at, pruned and read by the units; each private part is declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.celeryops.systemd.plugins.module_utils import layout
from celeryops_agent.internals import DECLARING

ROLES = Path(__file__).resolve().parents[3] / "roles"
PACKAGE = ROLES / "celery_app/files/celeryops_agent"
THERE = layout.AGENT
DIRECTORIES = sorted(
    f"{THERE}/{module.parent.relative_to(PACKAGE)}".removesuffix("/.")
    for module in PACKAGE.rglob("__init__.py")
)


def variable(role: str, name: str) -> Any:
    """What stands in a role's vars, not templated."""
    return yaml.safe_load((ROLES / role / "vars/main.yml").read_text(encoding="utf-8"))[name]


def test_a_directory_of_modules_is_a_package() -> None:
    assert {module.parent for module in PACKAGE.rglob("*.py")} == {
        module.parent for module in PACKAGE.rglob("__init__.py")
    }


@pytest.mark.parametrize("directory", DIRECTORIES)
@pytest.mark.parametrize("unit", [layout.unit_of("mail-prefork"), layout.BEAT])
def test_a_unit_restarts_for_a_file_that_an_interrupted_run_wrote(unit: str, directory: str) -> None:
    assert directory in layout.inputs_of(unit)


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_the_snapshot_tells_of_every_module(directory: str) -> None:
    assert f"{directory}/*" in layout.WATCHED_FILES


@pytest.mark.parametrize("directory", DIRECTORIES)
def test_a_module_that_left_the_agent_leaves_the_host(directory: str) -> None:
    asked = variable("celery_app", "__celery_app_agent_prune")
    assert f"{directory}/*" in [glob.replace("{{ __celery_app_agent }}", THERE) for glob in asked]


def test_every_module_that_reaches_into_celery_is_checked() -> None:
    declaring = {
        ".".join(module.relative_to(PACKAGE).with_suffix("").parts)
        for module in PACKAGE.rglob("*.py")
        if "\nINTERNALS = " in module.read_text(encoding="utf-8")
    }
    assert declaring == set(DECLARING)
