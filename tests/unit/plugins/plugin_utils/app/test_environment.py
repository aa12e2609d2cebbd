# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Environment files, read back the way systemd reads them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.app import environment_file as face
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.environment import (
    PYTHON_PATH,
    RESERVED,
    RESERVED_NAMES,
    environment_file,
    environment_problems,
)
from hypothesis import given
from hypothesis import strategies as st
from reference.roles import ROOT, roles

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)
PAGE = ROOT / "docs/reference/environment.md"
VALUES = st.text(st.characters(blacklist_categories=["Cc", "Cs"]) | st.sampled_from('\n\t"\\$`'))


def read_back(text: str) -> dict[str, str]:
    """Read double-quoted values as parse_env_file() of systemd does: a backslash escapes only four signs."""
    found = re.findall(r'^(\w+)="((?:[^"\\]|\\.)*)"$', text, re.MULTILINE | re.DOTALL)
    return {name: re.sub(r'\\(["\\$`])', r"\1", value) for name, value in found}


@given(st.dictionaries(NAMES, VALUES))
def test_any_value_comes_back(variables: dict[str, str]) -> None:
    assert read_back(environment_file(variables)) == variables


def test_numbers_booleans_and_nulls() -> None:
    assert environment_file({"A": 5, "B": True, "C": None, "D": ""}) == 'A="5"\nB="true"\nD=""\n'


@pytest.mark.parametrize("variables", [{"A B": "x"}, {"": "x"}, {"A": "\x00"}, {"A": "\x1b[0m"}, {"A": [1]}])
def test_what_systemd_would_refuse_is_an_error(variables: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^\S*: |not a name"):
        face(variables)
    assert len(environment_problems(variables)) == 1


def test_a_problem_never_shows_a_value() -> None:
    problems = environment_problems({"CELERY_BROKER_URL": "s3cr3t", "A-B": "s3cr3t", "C": "s3cr3t\x00"})
    texts = [problem.text("w1") for problem in problems]
    assert len(texts) == 3
    assert not [text for text in texts if "s3cr3t" in text]
    assert "set celery_app_broker_url" in texts[0]


def test_a_mapping_is_wanted() -> None:
    with pytest.raises(TypeError, match="variables must be a dictionary, not str"):
        face("A=1")  # type: ignore[arg-type]
    assert len(environment_problems(["A=1"])) == 1


ENVIRONMENTS = ["celery_app_environment", "celery_beat_environment", "flower_environment"]


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("PATH", "whole path"),
        ("LD_PRELOAD", "ld.so.conf.d"),
        ("LD_LIBRARY_PATH", "ld.so.conf.d"),
        ("PYTHONHOME", "the app's code"),
        ("PYTHONSTARTUP", "the app's code"),
        ("PYTHONPATHS", "the app's code"),
        ("CELERYOPS_SETTINGS", "set celery_app_settings"),
        ("CELERYOPS_INSTANCE", "leave it out"),
        ("CELERYOPS_STOP_CEILING", "set stop_within of the queue in celery_worker_queues"),
        ("REMAP_SIGTERM", "set stop_within of the queue in celery_worker_queues"),
        ("CELERY_CONCURRENCY", "set concurrency of the queue in celery_worker_queues"),
        ("CELERY_LOG_LEVEL", "set celery_worker_log_level or celery_beat_log_level"),
        ("CELERY_TASK_TIME_LIMIT", "set celery_app_settings"),
        ("CELERY_RESULT_BACKEND", "celery_app_result_backend"),
        ("NOTIFY_SOCKET", "leave it out"),
        ("WATCHDOG_USEC", "set celery_worker_watchdog or celery_beat_watchdog"),
    ],
)
def test_a_reserved_name_is_refused_with_the_variable_to_use_instead(name: str, fix: str) -> None:
    for variable in ENVIRONMENTS:
        (problem,) = environment_problems({name: "s3cr3t"}, variable)
        told = problem.text("w1")
        assert told.startswith(f"w1: {variable}.{name} = (hidden): ")
        assert fix in told
    assert environment_problems({f"SHOP_{name}": "x", f"{name[0]}_{name}": "x"}) == []


def test_the_path_of_python_is_extended_behind_the_agents() -> None:
    asked = {"PYTHONPATH": "/srv/shared/lib:/srv/vendor"}
    assert environment_problems(asked) == []
    assert read_back(environment_file(asked)) == {
        "PYTHONPATH": "/opt/celery/agent:/srv/shared/lib:/srv/vendor"
    }
    assert environment_file({"PYTHONPATH": None}) == ""


@pytest.mark.parametrize("value", ["lib", "/srv/lib:", ":/srv/lib", "/srv::/lib", "", True, ["/srv"], "/\0"])
def test_the_path_of_python_is_of_absolute_paths(value: Any) -> None:
    (problem,) = environment_problems({"PYTHONPATH": value})
    assert problem.text("w1").startswith("w1: celery_app_environment.PYTHONPATH = (hidden): ")


def test_flower_has_no_path_of_python() -> None:
    (problem,) = environment_problems({"PYTHONPATH": "/srv/lib"}, "flower_environment", python_path=False)
    assert "it decides which code runs" in problem.text("w1")


def test_the_reference_tells_of_every_reserved_name() -> None:
    rows = [
        line.split("|")[1] for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")
    ]
    told = {name.rstrip("*") for row in rows for name in re.findall(r"`([A-Z_]+\*?)`", row)}
    assert told == {*RESERVED, *RESERVED_NAMES, PYTHON_PATH}


def test_no_other_variable_of_the_inventory_holds_environment_variables() -> None:
    """Those of Flower are checked by its own room (tests/unit/flower)."""
    found = [name for role in roles() for name in role.options if name.endswith(("environment", "_env"))]
    assert found == ENVIRONMENTS
