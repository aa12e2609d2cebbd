"""The pipeline's runner: what fails fails the whole, cancels what needs it, and stops nothing else."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
from eventually import wait_until
from reference.roles import ROOT

TOOL = ROOT / "tools" / "stages.py"


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """tools/stages.py as a module, with its logs in a place of the test's own."""
    spec = importlib.util.spec_from_file_location("stages", TOOL)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "stages", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "LOGS", tmp_path)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_a_failure_cancels_only_what_needs_it(stages: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [
        stages.Stage("good", ["true"]),
        stages.Stage("bad", ["sh", "-c", "echo the reason; exit 3"]),
        stages.Stage("after-good", ["true"], ["good"]),
        stages.Stage("after-bad", ["true"], ["bad"]),
    ]
    stages.run(chosen)
    assert [stage.status for stage in chosen] == ["ok", "FAILED", "ok", "cancelled"]
    assert "the reason" in capsys.readouterr().out


def test_every_scenario_waits_for_the_tarball_and_the_image(stages: ModuleType, tmp_path: Path) -> None:
    for name in ("beta", "alpha", "rollout"):
        (tmp_path / "molecule" / name).mkdir(parents=True)
        (tmp_path / "molecule" / name / "molecule.yml").touch()
    chosen = stages.plan(["lint", "molecule"])
    scenarios = ["molecule:rollout", "molecule:alpha", "molecule:beta"]
    assert [stage.name for stage in chosen] == ["build", "image", "lint", *scenarios]
    assert [stage.needs for stage in chosen] == [()] * 3 + [("build", "image")] * 3


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("148 passed in 10.12s", ["148 passed in 10.12s"]),
        ("=== 1 failed, 2 passed, 1 warning in 0.50s ===", ["1 failed, 2 passed, 1 warning in 0.50s"]),
        ("1 error in 0.10s", ["1 error in 0.10s"]),
        ("ran 3 tests in 4 s", []),
    ],
)
def test_the_closing_line_of_pytest_is_found(stages: ModuleType, line: str, said: list[str]) -> None:
    stage = stages.Stage("unit", ["true"])
    stage.log.write_text(f"...\n{line}\n")
    assert stage.closing_lines == said


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("FAILED tests/hosts/fleet/test_secrets.py::test_none - assert 1 == 0", True),
        ("E       AssertionError: assert 1 == 0", True),
        ("fatal: [one]: FAILED! => {}", True),
        ("[ERROR]: Task failed: no", True),
        ("FAILED - RETRYING: [one]: Wait (30 retries left).", False),
        ("ok: [one]", False),
    ],
)
def test_the_reasons_of_a_failure_are_told(stages: ModuleType, line: str, told: bool) -> None:
    stage = stages.Stage("unit", ["true"])
    stage.log.write_text(f"...\n{line}\n")
    assert stage.reasons == [line] * told


def test_an_interrupted_stage_leaves_no_process(stages: ModuleType, tmp_path: Path) -> None:
    stage = stages.Stage("long", ["sh", "-c", "sleep 600 & echo $!; wait"])
    stage.start()
    while not (said := stage.log.read_text()).strip():
        time.sleep(0.01)
    stage.end()
    assert stage.process.poll() is not None
    wait_until("it has died", lambda: not runs(said.strip()))


def runs(pid: str) -> bool:
    """Whether a process exists that is not merely waiting to be reaped."""
    try:
        return "State:\tZ" not in Path("/proc", pid, "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_signal_ends_the_run_as_ctrl_c_does(stages: ModuleType) -> None:
    signal.signal(signal.SIGUSR1, stages.stop)
    with pytest.raises(KeyboardInterrupt, match="SIGUSR1"):
        os.kill(os.getpid(), signal.SIGUSR1)
