# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Commands of the app: which are asked for, where they run once, and what is told of them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.app import command_report
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.commands import problems, switching_host

MIGRATE = ["python", "manage.py", "migrate"]
OLD, NEW = {"release": "old"}, {"release": "new"}


@pytest.mark.parametrize("commands", [[], [MIGRATE], [MIGRATE, ["sleep", 1]]])
def test_commands_are_lists_of_words(commands: list[Any]) -> None:
    assert problems(commands, {"type": "directory"}) == []


@pytest.mark.parametrize(
    "commands",
    [
        "python manage.py migrate",
        ["python manage.py migrate"],
        [["python manage.py"]],
        [[]],
        [[{"a": 1}]],
        MIGRATE,
    ],
)
def test_what_is_no_list_of_words_is_refused(commands: Any) -> None:
    told = problems(commands, {"type": "directory"})[0].text("w1")
    assert told.startswith("w1: celery_app_before_switch = ")
    assert told.endswith("write it as [[python, manage.py, migrate, --noinput]]")


def test_where_nothing_is_switched_there_is_no_before() -> None:
    told = problems([MIGRATE], {"type": "external"})[0].text("w1")
    assert "nothing is switched; run them where you deploy, or play run" in told


@pytest.mark.parametrize(
    ("hosts", "where"),
    [
        ({"a": OLD, "b": OLD}, "a"),
        ({"a": {}, "b": OLD}, "a"),
        ({"a": NEW, "b": OLD}, "b"),
        ({"a": NEW, "b": NEW}, ""),
        ({"a": {**OLD, "rolled_back": "new"}, "b": {**OLD, "rolled_back": "new"}}, ""),
    ],
    ids=["all", "a fleet without any", "a deploy that was broken off", "none", "it went back from that one"],
)
def test_they_run_on_the_first_host_that_gets_another_release(hosts: dict[str, Any], where: str) -> None:
    assert switching_host(hosts, "new", named=False) == where


def test_a_fleet_that_went_back_and_deploys_runs_them() -> None:
    assert switching_host({"a": {**OLD, "rolled_back": "new"}}, "new", named=True) == "a"


def test_what_a_command_says_is_shown_without_secrets() -> None:
    result = {"rc": 0, "stdout": "one\nby redis://u:hunter2222@b", "stderr": "two"}
    told = command_report(
        result, "w1", MIGRATE, "command", "fix it", secrets=["redis://u:hunter2222@b", "on", None]
    )
    assert told["lines"] == ["w1: python manage.py migrate", "  one", "  by ***", "  two"]
    assert told["problems"] == []


def test_a_failure_tells_the_status_and_what_to_do() -> None:
    failed = command_report(
        {"rc": 3, "stdout": "", "stderr": "no such table"}, "w1", MIGRATE, "command", "fix it"
    )
    assert failed["problems"] == [
        "w1: command = python manage.py migrate: it ended with exit status 3; fix it"
    ]
    silent = command_report({"rc": 226, "stdout": "", "stderr": ""}, "w1", MIGRATE, "command", "fix it")
    assert "status 226/NAMESPACE" in silent["problems"][0]


@pytest.mark.parametrize(
    ("command", "words"),
    [("a 'b c'", ["a", "b c"]), ("", []), ("a 'b", []), (["a", 1], ["a", "1"]), (None, [])],
)
def test_words_are_those_of_a_shell(command: Any, words: list[str]) -> None:
    assert command_report({}, "w1", command, "command", "fix it")["words"] == words
