"""Every role has the same shape, and what it documents is what it does."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

import pytest
from reference.roles import PHASES, Role, roles
from reference.variables import PAGE, page

FILES = (
    "README.md", "defaults/main.yml", "meta/main.yml", "meta/argument_specs.yml",
    "tasks/main.yml", "tasks/preflight.yml", "tasks/phases.yml",
)  # fmt: skip
# Where a role's YAML and templates name variables.
WIRED = ("defaults", "vars", "tasks", "handlers", "templates")
every_role = pytest.mark.parametrize("role", roles(), ids=lambda role: role.name)


def template(value: object) -> bool:
    return "{{" in str(value)


def imported(task: dict[str, Any]) -> str:
    entry = task.get("ansible.builtin.import_tasks") or task.get("ansible.builtin.include_tasks") or ""
    return str(entry["file"] if isinstance(entry, dict) else entry)


@every_role
def test_it_has_the_files_that_every_role_has(role: Role) -> None:
    assert [name for name in FILES if not (role.directory / name).is_file()] == []


@every_role
def test_every_default_is_documented_and_every_variable_has_a_default(role: Role) -> None:
    required = {name for name, option in role.options.items() if option.get("required")}
    assert set(role.defaults) == set(role.options) - required


@every_role
def test_the_documented_default_is_the_default(role: Role) -> None:
    literal = {name: value for name, value in role.defaults.items() if not template(value)}
    documented = {name: option["default"] for name, option in role.options.items() if "default" in option}
    assert {
        name: (literal[name], documented[name])
        for name in literal.keys() & documented.keys()
        if literal[name] != documented[name]
    } == {}


@every_role
def test_every_variable_carries_the_roles_name_and_a_description(role: Role) -> None:
    assert [name for name in role.options if not name.startswith(f"{role.name}_")] == []
    assert [name for name, option in role.options.items() if not option.get("description")] == []


@every_role
def test_every_sentence_is_one(role: Role) -> None:
    """In YAML, an unquoted `: ` makes a dictionary of a sentence."""
    sentences = [(name, option["description"]) for name, option in role.options.items()]
    flat = [(name, one) for name, text in sentences for one in (text if isinstance(text, list) else [text])]
    assert [name for name, sentence in flat if not isinstance(sentence, str)] == []


@every_role
def test_main_only_imports_its_preflight_and_the_phases(role: Role) -> None:
    """A playbook whose own preflight has checked all roles plays the phases alone."""
    assert [imported(task) for task in role.tasks] == ["preflight.yml", "phases.yml"]
    assert role.tasks[1].keys() == {"name", "ansible.builtin.import_tasks"}


@every_role
def test_it_imports_its_phases_in_order_each_with_its_tag(role: Role) -> None:
    seen = []
    for task in [role.tasks[0], *role.phases]:
        phase = PurePath(imported(task)).stem
        tags = set(task.get("tags", []))
        assert phase in PHASES, f"{task['name']}: a role imports its phases and nothing else"
        assert phase in tags, f"{task['name']}: {phase} is not among its tags {sorted(tags)}"
        assert ("always" in tags) == (phase == "preflight"), f"{task['name']}: only preflight runs always"
        seen.append(PHASES.index(phase))
    assert seen == sorted(seen)


@every_role
def test_it_names_no_variable_of_another_role(role: Role) -> None:
    """What it needs of others the preflight tells, with every default: a copy would differ one day."""
    others = [other for other in roles() if other.name != role.name]
    foreign = {name for other in others for name in (*other.options, *other.internals)}
    used = {
        f"{path.relative_to(role.directory)}: {word}"
        for path in sorted(role.directory.rglob("*"))
        if path.suffix in (".yml", ".j2") and path.relative_to(role.directory).parts[0] in WIRED
        for word in re.findall(r"(?<![\w.])\w+\b(?!:)", re.sub(r"(?m)^\s*#.*$", "", path.read_text()))
        if word in foreign
    }
    assert used == set()


@every_role
def test_no_phase_is_forgotten(role: Role) -> None:
    called = {imported(task) for task in [*role.tasks, *role.phases]}
    present = {path.name for path in (role.directory / "tasks").glob("*.yml") if path.stem in PHASES}
    assert present - called == set()


@every_role
def test_it_names_its_platforms_and_depends_on_no_role(role: Role) -> None:
    meta = role.read("meta/main.yml")
    assert meta["dependencies"] == []
    assert [entry["name"] for entry in meta["galaxy_info"]["platforms"]] == ["Debian"]


def test_the_page_of_variables_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "run: python -m reference.variables"


def test_the_look_at_a_host_asks_for_every_package_of_the_broker() -> None:
    """One that it does not ask for is missing nowhere: a host that has the others never gets it."""
    broker, host = (role.read("vars/main.yml") for role in roles() if role.name in ("broker", "celery_host"))
    wanted = "".join(str(value) for name, value in broker.items() if re.search(r"_packages?$", name))
    found = set(re.findall(r"'([a-z]+(?:-[a-z]+)*)'", wanted))
    assert found >= {"redis-server", "rabbitmq-server"}
    assert found - set(re.findall(r"'([a-z-]+)'", host["__celery_host_asked_packages"])) == set()
