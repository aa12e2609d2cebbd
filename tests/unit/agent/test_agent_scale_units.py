# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What root's half of the scaler tells systemd."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from celeryops_agent import scale_units
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


def test_the_apps_environment_does_not_decide_what_root_runs(tmp_path: Path) -> None:
    """PATH of the unit is the app's."""
    config, wanted, planted = tmp_path / "scale.json", tmp_path / "wanted.json", tmp_path / "bin"
    config.write_text(json.dumps({"a": {"units": [A]}}))
    wanted.write_text(json.dumps([A]))
    planted.mkdir()
    (planted / "systemctl").write_text(f"#!/bin/sh\n/usr/bin/touch {tmp_path}/ran\n")
    (planted / "systemctl").chmod(0o755)
    command = [sys.executable, "-I", scale_units.__file__, str(config), str(wanted)]
    subprocess.run(command, env={"PATH": str(planted)}, capture_output=True, check=False)
    assert not (tmp_path / "ran").exists()


def test_only_what_root_allows_is_touched() -> None:
    assert orders({A: "inactive"}, ["sshd.service", "celery-beat.service"]) == {}
