# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What preflight says of the app and of a host, before anything is touched."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory import checks
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import Problem
from hypothesis import given
from hypothesis import strategies as st

TARGET = "shop.celery:app"
SOURCE = {"type": "directory", "path": "/home/me/shop"}
RELEASES = {"Debian": ["12", "13"], "Ubuntu": ["24.04"]}
GOOD = {
    "distribution": "Debian",
    "distribution_version": "12.8",
    "celeryops": {"pid1": "systemd", "systemd": 252, "python": "3.11.2"},
}


def told(problems: list[Problem]) -> list[str]:
    """Return the messages of w1."""
    return [problem.text("w1") for problem in problems]


def test_a_login_in_what_pip_is_given_is_refused_and_not_shown() -> None:
    entries = ["celery[redis]", "shop @ https://me:hunter2@pypi.example.org/shop.whl", "git+ssh://git@host/x"]
    (problem,) = told(checks.login_problems("celery_app_packages", entries))
    assert "https://***@pypi.example.org" in problem
    assert "hunter2" not in problem
    assert "list of processes" in problem


@pytest.mark.parametrize(
    "target", ["shop", "shop.celery", "shop.celery:app", "shop:factory.app", "_a.b_1:c", "läden.celery"]
)
def test_what_celery_takes_is_taken(target: str) -> None:
    assert checks.app_problems(target, SOURCE, {}) == []


@pytest.mark.parametrize(
    "source",
    [
        SOURCE,
        {"type": "archive", "path": "dist/shop-1.tar.gz"},
        {"type": "git", "repo": "https://example.com/shop.git"},
        {"type": "requirement", "name": "shop==1"},
        {"type": "external"},
    ],
)
def test_every_kind_of_source(source: dict[str, str]) -> None:
    assert checks.app_problems(TARGET, source, {}) == []


@pytest.mark.parametrize(
    "target", ["shop celery", "shop/celery.py", "shop.celery:", ":app", "1shop", "a..b", 7]
)
def test_a_malformed_target(target: object) -> None:
    assert told(checks.app_problems(target, SOURCE, {})) == [
        f"w1: celery_app_target = {target}: not a module, or a module and a name in it; "
        "set it to what celery -A takes, such as shop.celery:app"
    ]


@pytest.mark.parametrize("target", ["", None])
def test_no_target(target: object) -> None:
    assert told(checks.app_problems(target, SOURCE, {})) == [
        "w1: celery_app_target = '': the app is not named; "
        "set it to what celery -A takes, such as shop.celery:app"
    ]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "/home/me/shop",
            "celery_app_source = /home/me/shop: it does not say where the app's code is; set it to a mapping "
            "with a type (directory, archive, git, requirement, external): "
            "{type: directory, path: /home/me/shop}",
        ),
        (
            {},
            "celery_app_source = '': it does not say where the app's code is; set it to a mapping with "
            "a type (directory, archive, git, requirement, external): {type: directory, path: /home/me/shop}",
        ),
        ({"type": "gti"}, "celery_app_source.type = gti: unknown type; did you mean git?"),
        (
            {"type": "git", "url": "https://bob:secret@example.com/x"},
            "celery_app_source = {'type': 'git', 'url': 'https://***@example.com/x'}: type git needs repo; "
            "set celery_app_source.repo",
        ),
        (
            {"type": "directory", "path": ""},
            "celery_app_source = {'type': 'directory', 'path': ''}: type directory needs path; "
            "set celery_app_source.path",
        ),
        (
            {"type": "requirement", "name": "shop @ git+https://bob:secret@example.com/x"},
            "celery_app_source.name = shop @ git+https://***@example.com/x: its login could be read in the "
            "list of processes of each host; use type git, which the controller clones, or /etc/pip.conf on "
            "the hosts",
        ),
    ],
)
def test_a_malformed_source(source: object, message: str) -> None:
    assert told(checks.app_problems(TARGET, source, {})) == [f"w1: {message}"]


@pytest.mark.parametrize(
    ("timeouts", "message"),
    [
        (
            {"soft_time_limit": 600},
            "celery_app_task_soft_time_limit = 600: it must be less than celery_app_task_time_limit = 300; "
            "lower celery_app_task_soft_time_limit, or set celery_app_task_time_limit above 600",
        ),
        (
            {"time_limit": "long"},
            "celery_app_task_time_limit = long: not a whole number in its range; set it to 2 or more seconds",
        ),
        (
            {"visibility_timeout": -1},
            "celery_app_visibility_timeout = -1: not a whole number in its range; "
            "set it to 0 or more seconds",
        ),
        (
            {"visibility_timeout": 300},
            "celery_app_task_time_limit = 300: with the 30 s of a stop it holds a message for 330 s, and "
            "celery_app_visibility_timeout = 300 delivers it again before that; "
            "set celery_app_visibility_timeout above 330 or to 0 (derived), "
            "or lower celery_app_task_time_limit",
        ),
        (
            {"consumer_timeout": 300},
            "celery_app_task_time_limit = 300: with the 30 s of a stop it holds a message for 330 s, and "
            "broker_rabbitmq_consumer_timeout = 300 delivers it again before that; "
            "set broker_rabbitmq_consumer_timeout above 330 or to 0 (derived), "
            "or lower celery_app_task_time_limit",
        ),
        (
            {"visibility_timeout": 3600, "longest_countdown": 86400},
            "celery_app_longest_countdown = 86400: with celery_app_task_time_limit = 300 it holds a message "
            "for 86730 s, and celery_app_visibility_timeout = 3600 delivers it again before that; set "
            "celery_app_visibility_timeout above 86730 or to 0 (derived), "
            "or lower celery_app_longest_countdown",
        ),
    ],
)
def test_timers_that_contradict(timeouts: dict[str, Any], message: str) -> None:
    assert told(checks.app_problems(TARGET, SOURCE, timeouts)) == [f"w1: {message}"]


@pytest.mark.parametrize(("most", "limit"), [(20, 20), (5, 20), (20, 0), (0, 0), ("20", "20")])
def test_deliveries_that_agree_with_the_broker(most: object, limit: object) -> None:
    assert checks.app_doubts({"max_deliveries": most, "delivery_limit": limit}) == []


@pytest.mark.parametrize("most", [0, 21])
def test_deliveries_that_the_broker_cuts_short(most: int) -> None:
    (doubt,) = checks.app_doubts({"max_deliveries": most, "delivery_limit": 20})
    assert doubt.text("w1") == (
        f"w1: celery_app_max_deliveries = {most}: RabbitMQ takes a task away after 20 returns, and no "
        "worker's log names it; set it to 20 or less, or broker_rabbitmq_delivery_limit higher, for workers "
        "too"
    )


def test_timers_that_agree() -> None:
    agreed = {
        "soft_time_limit": 10,
        "time_limit": "20",
        "visibility_timeout": 3600,
        "longest_countdown": 3000,
    }
    assert checks.app_problems(TARGET, SOURCE, agreed) == []


def test_a_good_host_is_silent() -> None:
    assert checks.host_problems(GOOD, RELEASES) == []
    ubuntu = GOOD | {"distribution": "Ubuntu", "distribution_version": "24.04"}
    assert checks.host_problems(ubuntu, RELEASES) == []


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (
            {"celeryops": {"pid1": "sleep", "systemd": 0, "python": "3.11.2"}},
            "PID 1 = sleep: systemd does not run this host; "
            "use a host that systemd runs; in a container start it with /sbin/init",
        ),
        (
            {"celeryops": {"pid1": "systemd", "systemd": 241, "python": "3.11.2"}},
            "systemd = 241: too old for the units' sandbox; use a release with systemd 247 or newer",
        ),
        (
            {"celeryops": {"pid1": "systemd", "systemd": 252, "python": "3.9.2"}},
            "python = 3.9.2: Celery needs Python 3.10; "
            "install Python 3.10 or newer and set ansible_python_interpreter to it",
        ),
        (
            {"distribution_version": "11"},
            "release = Debian 11: not a supported release; "
            "use one of: Debian 12, 13; Ubuntu 24.04; or add it to celery_host_supported_releases",
        ),
        (
            {"distribution": "Ubuntu", "distribution_version": "24.10"},
            "release = Ubuntu 24.10: not a supported release; "
            "use one of: Debian 12, 13; Ubuntu 24.04; or add it to celery_host_supported_releases",
        ),
    ],
)
def test_a_host_that_cannot_serve(facts: dict[str, Any], message: str) -> None:
    assert told(checks.host_problems(GOOD | facts, RELEASES)) == [f"w1: {message}"]


def test_ansibles_own_facts_serve_too() -> None:
    facts = {
        "service_mgr": "systemd",
        "python_version": "3.13.1",
        "distribution": "Debian",
        "distribution_version": "13",
    }
    assert checks.host_problems(facts, RELEASES) == []


@given(
    st.dictionaries(
        st.sampled_from(["celeryops", "distribution", "python_version"]),
        st.none() | st.text() | st.integers(),
    )
)
def test_a_host_without_facts_is_no_good_host(facts: dict[str, Any]) -> None:
    assert any(problem.variable == "PID 1" for problem in checks.host_problems(facts, RELEASES))


def test_a_problem_keeps_passwords_and_long_values_out() -> None:
    problem = Problem("url", "redis://:hunter2@h:6379/0 " + "x" * 500, "wrong", "fix it")
    assert problem.text("w1").startswith("w1: url = redis://***@h:6379/0 xxx")
    assert "..." in problem.text("w1")
    assert "hunter2" not in problem.text("w1")
