"""How much `systemd-analyze security` leaves open of each service that the collection writes, on each host.

They are found by where their files are, so a new one is looked at by itself.
"""

from __future__ import annotations

import re

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://celery"]
MOST_EXPOSURE = 1.1
# A child of its main process tells that it has started, its compiler writes what it runs, and it binds its
# schedulers to processors: 0.2, 0.1 and 0.2 more.
MOST_BY_UNIT = {"rabbitmq-server.service": 1.4}
FILES = "ls -d /etc/systemd/system/celery*.service /etc/systemd/system/*.service.d/*celery*.conf || true"
METADATA = "169.254.169.254"
SEND = f"import socket; socket.socket(type=socket.SOCK_DGRAM).sendto(b'who am I', ('{METADATA}', 80))"
RUN = "systemd-run --wait --pipe --quiet --property='IPAddressDeny={}' python3 -c %s"


@pytest.fixture
def units(host: Host) -> list[str]:
    """Return the services that have a file of ours; of a template each instance, or any if it has none."""
    found: set[str] = set()
    for path in host.check_output(FILES).split():
        name = path.split("/")[4].removesuffix(".d")
        stem, at, _rest = name.partition("@")
        listed = host.check_output(f"systemctl list-units --all --plain --no-legend '{stem}@*.service'")
        instances = [line.split()[0] for line in listed.splitlines()]
        found |= set(instances or [f"{stem}@any.service"]) if at else {name}
    return sorted(found)


def test_exposure(host: Host, units: list[str]) -> None:
    assert units, "a host of the fleet without a service of ours"
    for unit in units:
        report = host.check_output(f"systemd-analyze security --no-pager {unit}")
        overall = re.search(r"Overall exposure level for .*: ([0-9.]+)", report)
        assert overall, report
        assert float(overall[1]) <= MOST_BY_UNIT.get(unit, MOST_EXPOSURE), f"{unit}\n{report}"


def test_no_service_reaches_the_metadata_of_a_cloud(host: Host, units: list[str]) -> None:
    """With what the unit says a process is refused what another one of the host reaches."""
    denied = {host.check_output(f"systemctl show --property=IPAddressDeny --value {unit}") for unit in units}
    host.check_output(f"ip address add {METADATA}/32 dev lo")
    try:
        assert host.run(RUN.format("192.0.2.1"), SEND).rc == 0
        for addresses in denied:
            refused = host.run(RUN.format(addresses), SEND)
            assert "PermissionError" in refused.stderr, (addresses, refused)
    finally:
        host.check_output(f"ip address delete {METADATA}/32 dev lo")
