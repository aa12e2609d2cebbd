"""The lab keeps its word: what an inventory asks for is what its hosts are."""

from __future__ import annotations

import errno
import os
import shlex
import subprocess
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
LAB = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"], "tests/lab/lab")
OCTETS = {"bare": 11, "new": 12, "old": 13, "small": 40}
UNIT = "systemd-run --quiet --wait --pipe"
WITH_SYSTEMD = ["old", "new", "small"]

# An impossible time: the kernel by itself answers EINVAL and changes nothing, the lab's filter EPERM.
SET_CLOCK = """
import ctypes
call = ctypes.CDLL(None, use_errno=True).syscall
call(ctypes.c_long({number}), 0, (ctypes.c_long * 2)(-1, 2 * 10**9))
print(ctypes.get_errno())
"""
CLOCK_SETTIME = {"x86_64": 227, "aarch64": 112}[os.uname().machine]


def host(name: str) -> Host:
    return testinfra.get_host(f"ansible://{name}?ansible_inventory={INVENTORY}&force_ansible=false")


def address(name: str) -> str:
    return str(host(name).check_output("hostname -I")).split()[0]


def fault(action: str, name: str) -> None:
    subprocess.run([LAB, "fault", "--name", os.environ["MOLECULE_SCENARIO_NAME"], action, name], check=True)


def eat(megabytes: int) -> str:
    """A command that really uses so much memory, and says whether it lived."""
    use = f"b = bytearray({megabytes} << 20); b[::4096] = bytes(len(b[::4096]))"
    return f"if python3 -c '{use}'; then echo eaten; else echo killed; fi"


def answers(asker: str, name: str) -> bool:
    """Whether `name` refuses a closed port at once, as only a host that is up and reachable does."""
    probe = host(asker).run(f"timeout 2 bash -c 'echo > /dev/tcp/{name}/9' 2>&1")
    return "refused" in probe.stdout


@pytest.mark.parametrize(("name", "octet"), OCTETS.items())
def test_address_is_the_one_asked_for(name: str, octet: int) -> None:
    assert address(name).split(".")[3] == str(octet)


@pytest.mark.parametrize(("name", "release"), [("old", "bookworm"), ("bare", "bookworm"), ("new", "trixie")])
def test_release(name: str, release: str) -> None:
    assert host(name).system_info.codename == release


@pytest.mark.parametrize("name", WITH_SYSTEMD)
def test_systemd_runs_without_a_failed_unit(name: str) -> None:
    assert host(name).file("/proc/1/comm").content_string.strip() == "systemd"
    assert host(name).check_output("systemctl is-system-running --wait") == "running"


def test_bare_host_has_no_systemd() -> None:
    assert host("bare").file("/proc/1/comm").content_string.strip() == "sleep"


@pytest.mark.parametrize("asker", OCTETS)
def test_peers_know_each_other_by_name(asker: str) -> None:
    for name in OCTETS:
        assert address(name) in host(asker).check_output(f"getent ahostsv4 {name}")
        assert answers(asker, name)


def test_memory_limit_bites() -> None:
    small, new = host("small"), host("new")
    assert int(small.check_output("awk '/MemTotal/ {print $2}' /proc/meminfo")) == 512 * 1024
    assert small.check_output(eat(700)) == "killed"
    assert new.check_output(eat(700)) == "eaten"


def test_cpu_limit_bites() -> None:
    """Half a CPU: of one second of work, the wall clock sees at least 1.6 s."""
    spin = "python3 -c 'import time\nb = time.monotonic()\nwhile time.process_time() < 1: pass\n"
    spin += "print(time.monotonic() - b)'"
    assert float(host("small").check_output(spin)) > 1.6


@pytest.mark.parametrize("name", OCTETS)
def test_no_host_can_set_the_clock(name: str) -> None:
    probe = SET_CLOCK.format(number=CLOCK_SETTIME)
    assert host(name).check_output("python3 -c %s", probe) == str(errno.EPERM)


def test_a_cable_can_be_pulled_and_put_back() -> None:
    before = address("new")
    fault("disconnect", "new")
    assert not answers("old", "new")
    assert host("new").check_output("hostname") == "new"
    fault("connect", "new")
    assert answers("old", "new")
    assert address("new") == before


def test_a_power_cut_ends_what_ran_and_keeps_the_disk() -> None:
    new = host("new")
    new.check_output("touch /root/kept; systemd-run --unit=gone sleep 600")
    fault("kill", "new")
    assert not answers("old", "new")
    fault("start", "new")
    assert new.file("/root/kept").exists
    assert not new.service("gone").is_running


def test_a_credential_reaches_a_service() -> None:
    run = f"{UNIT} -p SetCredential=word:open sh -c 'cat $CREDENTIALS_DIRECTORY/word'"
    for name in WITH_SYSTEMD:
        assert host(name).check_output(run) == "open"


def test_a_limit_of_a_unit_bites() -> None:
    limited = f"{UNIT} -p MemoryMax=64M -p MemorySwapMax=0 sh -c {shlex.quote(eat(200))}"
    for name in WITH_SYSTEMD:
        assert "eaten" not in host(name).run(limited + " || true").stdout
        assert "eaten" in host(name).run(limited.replace("64M", "400M")).stdout
