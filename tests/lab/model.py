"""What a lab is, worked out from an Ansible inventory without touching the machine."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

RELEASES = ("bookworm", "trixie")
FIRST_OCTET = 11
# Without a session of its own, and with a key file that belongs to whoever started the lab.
SSHD = "/usr/sbin/sshd -i -o UsePAM=no -o StrictModes=no"
# One /24 of this block per lab: rarely routed, and far from what podman and docker hand out themselves.
BLOCK = IPv4Network("10.213.0.0/16")


class LabError(Exception):
    """Something the person at the keyboard can fix; the message says what and how."""


@dataclass(frozen=True)
class Host:
    """One host, as its inventory variables ask for it."""

    name: str
    release: str
    octet: int
    init: str
    memory_mb: int | None
    cpus: float | None

    @property
    def key(self) -> str:
        """What makes two containers of this host interchangeable."""
        return json.dumps([self.name, self.release, self.octet, self.init, self.memory_mb, self.cpus])


@dataclass(frozen=True)
class Lab:
    """A named set of hosts; `directory` holds its files and makes its id unique on the machine."""

    name: str
    directory: Path

    @property
    def id(self) -> str:
        """Prefix of containers, network and sockets: two checkouts never share one."""
        return f"{self.name}-{hashlib.sha1(str(self.directory).encode()).hexdigest()[:6]}"

    def container(self, host: str) -> str:
        """The container that is `host`."""
        return f"{self.id}-{host}"

    @property
    def sockets(self) -> Path:
        """Where ssh keeps its shared connections: a short path, since the kernel allows 107 bytes."""
        return Path("/tmp") / f".lab-{self.id}"

    @property
    def ssh_config(self) -> Path:
        """The one file that Ansible, testinfra and a person connect with."""
        return self.directory / "ssh_config"


def check_name(name: str) -> str:
    """Return `name` if it can name a lab, else raise LabError."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,30}", name):
        raise LabError(f"{name!r} cannot name a lab: use up to 31 of a-z, 0-9, _ and -")
    return name


def hosts_of(inventory: Mapping[str, Any], default_release: str = RELEASES[-1]) -> list[Host]:
    """The lab's hosts from the JSON of `ansible-inventory --list`, in inventory order.

    A host that names no `lab_release` gets `default_release`.
    Raises LabError naming the host, the variable and its value when one makes no sense.
    """
    hostvars: Mapping[str, Mapping[str, Any]] = inventory.get("_meta", {}).get("hostvars", {})
    names = [name for name in _names(inventory) if _vars(hostvars, name).get("ansible_connection") != "local"]
    if not names:
        raise LabError("the inventory has no host for a lab")
    taken = {_octet(name, wanted) for name in names if (wanted := _vars(hostvars, name).get("lab_address"))}
    free = iter(octet for octet in range(FIRST_OCTET, 255) if octet not in taken)
    hosts = [_host(name, _vars(hostvars, name), free, default_release) for name in names]
    by_octet: dict[int, str] = {}
    for host in hosts:
        other = by_octet.setdefault(host.octet, host.name)
        if other != host.name:
            raise LabError(f"{host.name}: lab_address = {host.octet}: {other} has it already")
    return hosts


def _names(inventory: Mapping[str, Any]) -> list[str]:
    """Every host of the inventory, each once, in the order of its groups."""
    found: dict[str, None] = {}

    def walk(group: str) -> None:
        entry = inventory.get(group, {})
        found.update(dict.fromkeys(entry.get("hosts", [])))
        for child in entry.get("children", []):
            walk(child)

    walk("all")
    return list(found)


def _vars(hostvars: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return hostvars.get(name, {})


def _octet(name: str, value: object) -> int:
    try:
        octet = int(str(value))
    except ValueError:
        octet = 0
    if not 2 <= octet <= 254:
        raise LabError(f"{name}: lab_address = {value}: give the last number of the address, 2 to 254")
    return octet


def _host(name: str, variables: Mapping[str, Any], free: Iterator[int], default_release: str) -> Host:
    release = str(variables.get("lab_release", default_release))
    if release not in RELEASES:
        raise LabError(f"{name}: lab_release = {release}: the lab builds {' and '.join(RELEASES)}")
    init = str(variables.get("lab_init", "systemd"))
    if init not in ("systemd", "none"):
        raise LabError(f"{name}: lab_init = {init}: use systemd or none")
    wanted = variables.get("lab_address")
    octet = _octet(name, wanted) if wanted else next(free)
    memory, cpus = variables.get("lab_memory"), variables.get("lab_cpus")
    return Host(
        name=name,
        release=release,
        octet=octet,
        init=init,
        memory_mb=None if memory is None else _megabytes(name, memory),
        cpus=None if cpus is None else _cpus(name, cpus),
    )


def _megabytes(name: str, value: object) -> int:
    match = re.fullmatch(r"(\d+)\s*(m|mb|mib|g|gb|gib)?", str(value).strip().lower())
    if not match or int(match[1]) == 0:
        raise LabError(f"{name}: lab_memory = {value}: write it like 1500m or 2g (a bare number is MiB)")
    return int(match[1]) * (1024 if (match[2] or "m").startswith("g") else 1)


def _cpus(name: str, value: object) -> float:
    try:
        cpus = float(str(value))
    except ValueError:
        cpus = 0.0
    if cpus <= 0:
        raise LabError(f"{name}: lab_cpus = {value}: give a number of CPUs above 0, like 1.5")
    return cpus


def subnets(lab: Lab, used: Sequence[IPv4Network]) -> list[IPv4Network]:
    """The /24 networks the lab may take, its usual one first: those that overlap nothing in `used`."""
    block = list(BLOCK.subnets(new_prefix=24))
    start = int(hashlib.sha1(lab.id.encode()).hexdigest(), 16) % len(block)
    ring = block[start:] + block[:start]
    return [net for net in ring if not any(net.overlaps(other) for other in used)]


def address(subnet: IPv4Network, host: Host) -> IPv4Address:
    """The address of `host` in the lab's network."""
    return subnet.network_address + host.octet


def mac(address: str) -> str:
    """The hardware address that goes with `address`: a cable put back brings the one its peers remember."""
    return "02:00:" + ":".join(f"{byte:02x}" for byte in IPv4Address(address).packed)


def routes(table: str) -> list[IPv4Network]:
    """The networks in the text of /proc/net/route, the default route left out."""
    networks = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        destination, mask = (int.from_bytes(bytes.fromhex(fields[i]), "little") for i in (1, 7))
        if mask:
            networks.append(IPv4Network((destination, mask.bit_count())))
    return networks


def ssh_config(lab: Lab, addresses: Mapping[str, IPv4Address], podman: Sequence[str]) -> str:
    """The ssh configuration of the lab: no port and no service, sshd runs inside `podman exec`."""
    engine = " ".join(podman)
    entries = [
        f"Host {name} {ip}\n"
        f"    ProxyCommand {engine} exec -i {lab.container(name)} {SSHD}\n"
        for name, ip in addresses.items()
    ]
    common = (
        "Host *\n"
        "    User root\n"
        f"    IdentityFile {lab.directory / 'key'}\n"
        "    IdentitiesOnly yes\n"
        "    StrictHostKeyChecking no\n"
        "    UserKnownHostsFile /dev/null\n"
        "    LogLevel ERROR\n"
        "    ControlMaster auto\n"
        "    ControlPersist 60s\n"
        f"    ControlPath {lab.sockets}/%n\n"
    )
    return "\n".join([*entries, common])


def connection_inventory(lab: Lab) -> str:
    """An inventory to give to Ansible after the fleet's own: how the lab's hosts are reached.

    It takes the place of Ansible's own ssh_args, whose shared connections are named by host alone: two labs
    with a host of the same name would meet in one socket.
    """
    return json.dumps({"all": {"vars": {"ansible_ssh_args": f"-F {lab.ssh_config}"}}}, indent=2) + "\n"


def hosts_file(addresses: Mapping[str, IPv4Address]) -> str:
    """The /etc/hosts that every host of the lab shares."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    return "\n".join([*lines, *(f"{ip} {name}" for name, ip in addresses.items())]) + "\n"


def meminfo(text: str, memory_mb: int) -> str:
    """The machine's /proc/meminfo as a host of `memory_mb` MiB shows it: a container sees the machine's."""
    total = memory_mb * 1024
    sizes = {"MemTotal": total, "MemFree": total, "MemAvailable": total, "SwapTotal": 0, "SwapFree": 0}

    def line(original: str) -> str:
        key = original.split(":", maxsplit=1)[0]
        return f"{key}: {sizes[key]:>12} kB" if key in sizes else original

    return "\n".join(line(original) for original in text.splitlines()) + "\n"


def pip_conf(listed: str) -> str:
    """A pip.conf for the hosts from `pip config list`: index settings, without paths of this machine."""
    kept: dict[str, str] = {}
    for line in listed.splitlines():
        setting, value = line.split("=", maxsplit=1)
        key = setting.split(".")[-1]
        words = [word for word in value.strip("'\"").split() if not word.startswith(("/", "file:"))]
        if key in ("index-url", "extra-index-url", "trusted-host", "proxy") and words:
            kept[key] = " ".join(words)
    return "\n".join(["[global]", *(f"{key} = {value}" for key, value in kept.items())]) + "\n"
