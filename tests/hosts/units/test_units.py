"""Every unit of the collection, on every host: running and clean to systemd."""

from __future__ import annotations

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://celery"]
WELL = {"ActiveState": "active", "SubState": "running", "NRestarts": "0", "Result": "success"}


@pytest.fixture
def units(host: Host) -> list[str]:
    listed = host.check_output("systemctl list-units --all --plain --no-legend 'celery*'")
    found = [line.split()[0] for line in listed.splitlines()]
    roles = host.ansible.get_variables()["group_names"]
    runs_celery = [r for r in roles if r.startswith("celery_queue_") or r in ("celery_beat", "celery_flower")]
    assert bool(found) == bool(runs_celery), f"groups {runs_celery} but units {found}"
    return found


def services(units: list[str]) -> list[str]:
    return [unit for unit in units if unit.endswith(".service")]


def test_running_and_enabled(host: Host, units: list[str]) -> None:
    for unit in services(units):
        shown = host.check_output(f"systemctl show -p {','.join(WELL)} {unit}")
        assert dict(line.split("=", 1) for line in shown.splitlines()) == WELL, unit
        assert host.run(f"systemctl is-enabled {unit}").stdout.strip() == "enabled", unit


def test_verify_prints_nothing(host: Host, units: list[str]) -> None:
    # verify exits 0 on unknown keys, so its output is the verdict
    for unit in units:
        verdict = host.run(f"systemd-analyze verify {unit}")
        assert (verdict.rc, verdict.stdout, verdict.stderr) == (0, "", ""), unit


def test_slice_holds_the_instances(host: Host, units: list[str]) -> None:
    for unit in services(units):
        assert host.check_output(f"systemctl show -p Slice --value {unit}").strip().startswith("celery"), unit
