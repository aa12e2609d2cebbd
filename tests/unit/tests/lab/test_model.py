"""The lab's arithmetic: hosts from an inventory, networks, files."""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lab import model
from lab.model import Host, Lab, LabError

LAB = Lab("demo", Path("/somewhere/.cache/lab/demo"))


def inventory(hosts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What `ansible-inventory --list` prints for a group tree that names some hosts twice."""
    names = list(hosts)
    return {
        "_meta": {"hostvars": hosts},
        "all": {"children": ["ungrouped", "celery"]},
        "celery": {"children": ["celery_broker", "celery_queue_mail"]},
        "celery_broker": {"hosts": names[:1]},
        "celery_queue_mail": {"hosts": names},
    }


def test_hosts_come_once_in_inventory_order_with_addresses_in_order() -> None:
    hosts = model.hosts_of(inventory({"b": {}, "a": {"lab_release": "bookworm"}, "c": {}}))
    assert [(host.name, host.octet, host.release) for host in hosts] == [
        ("b", 11, "trixie"),
        ("a", 12, "bookworm"),
        ("c", 13, "trixie"),
    ]


def test_an_asked_address_is_kept_free_for_its_host() -> None:
    hosts = model.hosts_of(inventory({"a": {}, "b": {"lab_address": 11}, "c": {}}))
    assert {host.name: host.octet for host in hosts} == {"a": 12, "b": 11, "c": 13}


def test_limits_and_init() -> None:
    desired = {"lab_memory": "2g", "lab_cpus": 1.5, "lab_init": "none"}
    (host,) = model.hosts_of(inventory({"a": desired}))
    assert (host.memory_mb, host.cpus, host.init) == (2048, 1.5, "none")


def test_the_release_of_hosts_that_name_none() -> None:
    hosts = model.hosts_of(inventory({"a": {}, "b": {"lab_release": "trixie"}}), "bookworm")
    assert [host.release for host in hosts] == ["bookworm", "trixie"]


def test_a_local_host_is_not_of_the_lab() -> None:
    hosts = model.hosts_of(inventory({"a": {}, "controller": {"ansible_connection": "local"}}))
    assert [host.name for host in hosts] == ["a"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("lab_release", "sid"),
        ("lab_init", "upstart"),
        ("lab_address", 300),
        ("lab_address", "10.0.0.1"),
        ("lab_memory", "much"),
        ("lab_memory", "0m"),
        ("lab_cpus", 0),
        ("lab_cpus", "all"),
    ],
)
def test_nonsense_is_refused_with_host_variable_and_value(variable: str, value: object) -> None:
    with pytest.raises(LabError, match=f"^a: {variable} = {value}: "):
        model.hosts_of(inventory({"a": {variable: value}}))


def test_two_hosts_cannot_have_one_address() -> None:
    with pytest.raises(LabError, match="b: lab_address = 20: a has it already"):
        model.hosts_of(inventory({"a": {"lab_address": 20}, "b": {"lab_address": 20}}))


def test_an_inventory_without_hosts_is_refused() -> None:
    with pytest.raises(LabError, match="no host"):
        model.hosts_of({"_meta": {"hostvars": {}}, "all": {"children": ["ungrouped"]}})


@pytest.mark.parametrize("name", ["", "Demo", "a b", "-x", "x" * 32])
def test_names_that_cannot_name_a_container(name: str) -> None:
    with pytest.raises(LabError, match="cannot name a lab"):
        model.check_name(name)


def test_two_checkouts_share_no_name() -> None:
    other = Lab("demo", Path("/elsewhere/.cache/lab/demo"))
    assert LAB.id != other.id
    assert LAB.container("web") != other.container("web")
    assert LAB.sockets != other.sockets


@given(st.text("abcdefgh-_0123456789", min_size=1, max_size=31), st.integers(1, 40))
def test_a_shared_connection_fits_into_a_socket_name(name: str, length: int) -> None:
    """The kernel allows 107 bytes, and ssh appends a dot and 16 characters while it makes one."""
    lab = Lab(name, Path("/x" * 60))
    assert len(str(lab.sockets / ("h" * length))) + 17 <= 107


@given(st.lists(st.integers(0, 255), max_size=20))
def test_a_lab_takes_only_a_free_network(taken: list[int]) -> None:
    used = [IPv4Network(f"10.213.{third}.0/24") for third in taken]
    free = model.subnets(LAB, used)
    assert len(free) == 256 - len(set(taken))
    assert not any(net.overlaps(other) for net in free for other in used)


def test_a_lab_comes_back_to_its_network() -> None:
    assert model.subnets(LAB, [])[0] == model.subnets(LAB, [])[0]
    assert model.subnets(LAB, [IPv4Network("10.0.0.0/8")]) == []


def test_routes_of_the_machine() -> None:
    table = (
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
    )
    assert model.routes(table) == [IPv4Network("192.0.2.0/24")]


def test_ssh_reaches_a_host_by_name_and_by_address() -> None:
    host = Host("web", "trixie", 11, "systemd", None, None)
    ip = model.address(IPv4Network("10.213.7.0/24"), host)
    text = model.ssh_config(LAB, {"web": ip}, ["sudo", "podman"])
    assert "Host web 10.213.7.11\n" in text
    assert f"ProxyCommand sudo podman exec -i {LAB.container('web')} /usr/sbin/sshd -i " in text


def test_the_connection_inventory_names_the_ssh_configuration() -> None:
    tree = json.loads(model.connection_inventory(LAB))
    assert tree["all"]["vars"] == {"ansible_ssh_args": f"-F {LAB.ssh_config}"}


def test_a_hardware_address_follows_the_address() -> None:
    assert model.mac("10.213.7.11") == "02:00:0a:d5:07:0b"


def test_meminfo_shows_the_limit_and_no_swap() -> None:
    text = "MemTotal:       24684000 kB\nMemFree:        1 kB\nBuffers:        7 kB\nSwapTotal:      9 kB\n"
    lines = {row.split()[0]: int(row.split()[1]) for row in model.meminfo(text, 512).splitlines()}
    assert lines == {"MemTotal:": 524288, "MemFree:": 524288, "Buffers:": 7, "SwapTotal:": 0}


def test_pip_learns_of_indexes_but_not_of_paths_of_this_machine() -> None:
    listed = (
        ":env:.cert='/etc/ssl/ca.crt'\n"
        "global.index-url='https://mirror.example/simple'\n"
        "global.extra-index-url='file:///srv/simple https://more.example/simple'\n"
        "global.find-links='/srv/wheels'\n"
    )
    assert model.pip_conf(listed) == (
        "[global]\nindex-url = https://mirror.example/simple\nextra-index-url = https://more.example/simple\n"
    )
