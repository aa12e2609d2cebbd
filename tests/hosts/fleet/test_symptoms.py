"""docs/how-to/sandbox.md: each symptom is there, and its override takes that one away and no other."""

from __future__ import annotations

from pathlib import Path

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://worker2"]
PROGRAM = (Path(__file__).parent / "symptoms.py").read_text(encoding="utf-8")
TEMPLATE = "/etc/systemd/system/celery-worker@.service"
# What Python says of each, and what the page sets.
SYMPTOMS = {
    "executable_memory": ("EACCES", ["MemoryDenyWriteExecute=no"]),  # of an older systemd EPERM
    "netlink": ("EAFNOSUPPORT", ["RestrictAddressFamilies=AF_NETLINK"]),
    "read_only_srv": ("EROFS", ["ReadWritePaths=/srv"]),
    "home": ("EACCES", ["ProtectHome=read-only"]),
    "set_user_id": ("EPERM", ["RestrictSUIDSGID=no"]),
    "affinity": ("EPERM", ["SystemCallFilter=", "SystemCallFilter=@system-service"]),
    "hidden_child": ("ENOENT", ["ProtectProc=default"]),
}


def told(host: Host, *overrides: str) -> dict[str, str]:
    """What the program prints as a worker would, with these directives behind the worker's own."""
    unit = host.check_output("cat %s", TEMPLATE)
    fences = unit.partition("LogsDirectoryMode=0750\n")[2].partition("\n\n")[0].splitlines()
    words = [f"--property={line}" for line in ["User=celery", *fences, *overrides]]
    command = "systemd-run --quiet --wait --pipe " + "%s " * len(words) + "python3 -c %s"
    lines = host.check_output(command, *words, PROGRAM).splitlines()
    return dict(line.split(maxsplit=1) for line in lines)


def test_the_sandbox_has_each_symptom(host: Host) -> None:
    assert told(host) == {name: error for name, (error, _overrides) in SYMPTOMS.items()}


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_its_override_takes_that_one_away(host: Host, symptom: str) -> None:
    left = told(host, *SYMPTOMS[symptom][1])
    assert left == {name: error for name, (error, _overrides) in SYMPTOMS.items() if name != symptom}
