# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Pins of Celery that preflight refuses."""

from __future__ import annotations

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import celery_version
from celeryops_agent import internals


@pytest.mark.parametrize(
    "pin",
    [
        "celery==5.4.0",
        "celery[redis]==5.3.6",
        "celery[redis,gevent] == 5.4.*",
        "Celery~=5.4.0",
        "celery<5.5",
        "celery<5.5.0",
        "celery>=5.2,<5.4.1",
        "celery (<=5.4)",
        "celery==4.4.7; python_version < '3.11'",
        "celery<5",
    ],
)
def test_a_pin_that_is_too_old(pin: str) -> None:
    (problem,) = celery_version.package_problems(["tzdata", pin])
    assert problem.text("w1") == (
        f"w1: celery_app_packages = {pin}: the oldest Celery that is supported is 5.5; "
        "ask for celery[redis]>=5.5, or one that docs/reference/compatibility.md shows"
    )


@pytest.mark.parametrize(
    "pin",
    [
        "celery",
        "celery[redis]",
        "celery[redis]==5.5.0",
        "celery==5.5.*",
        "celery==5.*",
        "celery~=5.4",
        "celery~=5.5.0",
        "celery>=5.3,<6",
        "celery<5.5.1",
        "celery<=5.5",
        "celery-redbeat==2.4.2",
        "celery @ https://example.org/celery-5.4.0.zip",
        "django-celery-beat<5.5",
    ],
)
def test_a_pin_that_allows_a_supported_one(pin: str) -> None:
    assert celery_version.package_problems([pin]) == []


def test_the_agent_says_the_same() -> None:
    assert celery_version.OLDEST == internals.OLDEST


@pytest.mark.parametrize("packages", [None, "celery==5.4.0", 3, {}])
def test_what_is_no_list_is_for_the_argument_specs(packages: object) -> None:
    assert celery_version.package_problems(packages) == []
