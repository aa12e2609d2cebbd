"""Every filter is documented beside the file of its subject, and takes what it documents."""

from __future__ import annotations

import json
import subprocess
from inspect import Parameter

import pytest
from reference.filters import COLLECTION, PARTS, Filter, filters, named, sidecars

# What ansible-doc calls the parts.
SHOWN = ("doc", "examples", "return")
every_filter = pytest.mark.parametrize("one", filters(), ids=lambda one: one.name)


def test_no_two_files_name_the_same_filter() -> None:
    names = [one.name for one in filters()]
    assert sorted(set(names)) == sorted(names)


def test_every_sidecar_documents_a_filter_that_is_there() -> None:
    places = {one.sidecar for one in filters()}
    assert [path.name for path in sidecars() if path not in places] == []


def test_what_names_a_filter_names_one_that_is_there() -> None:
    known = {one.name for one in filters()}
    assert {name: files for name, files in named().items() if name not in known} == {}


@every_filter
def test_it_is_documented_beside(one: Filter) -> None:
    documentation = one.documentation
    assert sorted(documentation) == sorted(PARTS)
    assert documentation["DOCUMENTATION"]["name"] == one.name
    assert list(documentation["RETURN"]) == ["_value"]
    assert f"{COLLECTION}.{one.name}" in str(documentation["EXAMPLES"])


@every_filter
def test_it_takes_what_it_documents(one: Filter) -> None:
    _input, *taken = one.parameters
    keywords = [each.name for each in taken]
    assert sorted(one.options) == sorted(["_input", *keywords])
    positional = one.documentation["DOCUMENTATION"].get("positional", "").split(", ")
    assert [name for name in positional if name] == keywords[: len([name for name in positional if name])]
    required = [name for name, option in one.options.items() if option.get("required") and name != "_input"]
    assert sorted(required) == sorted(each.name for each in taken if each.default is Parameter.empty)


def test_ansible_finds_and_documents_every_filter_by_its_whole_name() -> None:
    names = [f"{COLLECTION}.{one.name}" for one in filters()]
    found = run(
        "ansible",
        "localhost",
        "-m",
        "debug",
        "-e",
        json.dumps({"names": names}),
        "-a",
        "msg=LACKS{{ names | reject('filter') }}",
    )
    assert "LACKS[]" in found
    shown = json.loads(run("ansible-doc", "--type", "filter", "--json", *names))
    assert sorted(name for name, parts in shown.items() if all(parts[part] for part in SHOWN)) == sorted(
        names
    )


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
