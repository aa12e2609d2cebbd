# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is refused of a rotation."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils import logrotate

ASKED: dict[str, Any] = {"log_destination": "file", "frequency": "daily", "keep": 14, "max_size": ""}


def told(changes: dict[str, Any]) -> list[str]:
    return [problem.text("w1") for problem in logrotate.problems({**ASKED, **changes})]


@pytest.mark.parametrize("changes", [{}, {"log_destination": "journal"}, {"keep": "1", "max_size": "100M"}])
def test_what_is_well(changes: dict[str, Any]) -> None:
    """A sound inventory has no problem."""
    assert told(changes) == []


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"log_destination": "syslog"},
            "w1: logrotate_log_destination = syslog: no such choice; use one of journal, file",
        ),
        (
            {"frequency": "often"},
            "w1: logrotate_frequency = often: no such choice; use one of daily, weekly, monthly",
        ),
        (
            {"keep": 0},
            "w1: logrotate_keep = 0: with none kept, each rotation would throw away the lines before it; "
            "keep at least 1",
        ),
        ({"max_size": "big"}, "w1: logrotate_max_size = big: not a size; write it as 100M, or ''"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], problem: str) -> None:
    """Each problem names the host, the variable, the value and the fix."""
    assert told(changes) == [problem]
