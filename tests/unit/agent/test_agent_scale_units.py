# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What root's half of the scaler tells systemd."""

from __future__ import annotations

import pytest
from celeryops_agent.scale_units import orders

A, B = "celery-worker@a-prefork-2.service", "celery-worker@b-prefork-2.service"


def test_what_is_as_wanted_is_left_alone() -> None:
    assert orders({A: "active", B: "inactive"}, [A]) == {}


def test_it_starts_and_drains() -> None:
    assert orders({A: "active", B: "inactive"}, [B]) == {"start": [B], "stop": [A]}


@pytest.mark.parametrize("state", ["activating", "reloading"])
def test_what_is_on_its_way_up_drains_too(state: str) -> None:
    assert orders({A: state}, []) == {"stop": [A]}


def test_what_still_drains_is_left_alone() -> None:
    assert orders({A: "deactivating"}, []) == {}
    assert orders({A: "deactivating"}, [A]) == {}


def test_a_failed_unit_is_not_started_over_and_over_but_forgotten_when_it_is_not_wanted() -> None:
    assert orders({A: "failed"}, [A]) == {}
    assert orders({A: "failed"}, []) == {"reset-failed": [A]}


def test_only_what_root_allows_is_touched() -> None:
    assert orders({A: "inactive"}, ["sshd.service", "celery-beat.service"]) == {}
