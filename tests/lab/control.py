"""What one does with a lab: bring it up, take it down, break its hosts and look at them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Network
from pathlib import Path
from typing import TypeVar

from lab import engine, image, model
from lab.engine import podman, say
from lab.model import Host, Lab, LabError

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "lab"
SECCOMP = Path(__file__).with_name("seccomp.json")
LABEL = "org.celeryops.lab"
BOOT_SECONDS = 180

T = TypeVar("T")


def lab(name: str) -> Lab:
    """The lab `name` of this checkout."""
    return Lab(model.check_name(name), CACHE / name)


def read_inventory(paths: Sequence[str], limit: str | None) -> list[Host]:
    """The hosts of an Ansible inventory, as Ansible itself reads it.

    $LAB_RELEASE is the release of those that name none (the newest when unset).
    """
    tool = Path(sys.executable).with_name("ansible-inventory")
    words = [str(tool), "--list", *(word for path in paths for word in ("-i", path))]
    if limit:
        words += ["--limit", limit]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"ansible-inventory cannot read {', '.join(paths)}:\n{done.stderr.strip()}")
    release = os.environ.get("LAB_RELEASE") or model.RELEASES[-1]
    return model.hosts_of(json.loads(done.stdout), release)


def up(target: Lab, hosts: list[Host]) -> None:
    """Make the lab be just `hosts`, all running; what already is as asked for is left alone."""
    began = time.monotonic()
    tags = {release: image.ensure(release, CACHE) for release in sorted({host.release for host in hosts})}
    subnet = _network(target)
    _write_files(target, subnet, hosts)
    wanted = {target.container(host.name): host for host in hosts}
    present = {row["Names"][0]: row for row in engine.containers(f"label={LABEL}={target.id}")}
    specs = {name: json.dumps([tags[host.release], host.key, str(subnet)]) for name, host in wanted.items()}
    stale = [name for name, row in present.items() if row["Labels"].get(f"{LABEL}.spec") != specs.get(name)]
    if stale:
        podman("rm", "--force", "--time", "0", *stale)
    kept = present.keys() - set(stale)
    engine.allow_many_hosts(len(engine.containers(f"label={LABEL}")) + len(wanted) - len(kept))

    def boot(name: str) -> None:
        host = wanted[name]
        if name not in kept:
            _run(target, host, tags[host.release], subnet, specs[name])
        elif present[name]["State"] == "paused":
            podman("unpause", name)
        elif present[name]["State"] != "running":
            podman("start", name)
        if host.init == "systemd":
            _wait(name)

    _each(boot, wanted)
    new = len(wanted) - len(kept)
    say(f"{target.name}: {len(hosts)} hosts up on {subnet} in {time.monotonic() - began:.1f} s ({new} new)")


def down(target: Lab) -> None:
    """Remove the lab's hosts, network and files; nothing of it stays behind."""
    names = [row["Names"][0] for row in engine.containers(f"label={LABEL}={target.id}")]
    if names:
        podman("rm", "--force", "--time", "0", *names)
    if target.id in _networks():
        podman("network", "rm", "--force", target.id)
    shutil.rmtree(target.sockets, ignore_errors=True)
    shutil.rmtree(target.directory, ignore_errors=True)
    say(f"{target.name}: down ({len(names)} hosts removed)")


def names() -> list[str]:
    """The labs of this checkout that have a host or a file."""
    rows = engine.containers(f"label={LABEL}.checkout={ROOT}")
    found = {row["Labels"][f"{LABEL}.name"] for row in rows}
    return sorted(found | {path.parent.name for path in CACHE.glob("*/ssh_config")})


def table() -> list[tuple[str, str, str, str, str]]:
    """(lab, host, release, state, address) of every host of this checkout's labs."""
    rows = []
    for row in engine.containers(f"label={LABEL}.checkout={ROOT}"):
        labels = row["Labels"]
        rows.append(tuple(labels[f"{LABEL}.{key}"] for key in ("name", "host", "release")))
        rows[-1] += (row["State"], labels[f"{LABEL}.address"])
    return sorted(rows)


def find(host: str, name: str | None) -> str:
    """The running container of `host`; `name` of its lab is needed only when several labs have one."""
    rows = engine.containers(f"label={LABEL}.checkout={ROOT}", f"label={LABEL}.host={host}")
    rows = [row for row in rows if name in (None, row["Labels"][f"{LABEL}.name"])]
    if len(rows) == 1:
        return str(rows[0]["Names"][0])
    if rows:
        labs = ", ".join(sorted(row["Labels"][f"{LABEL}.name"] for row in rows))
        raise LabError(f"{host} is in several labs ({labs}): choose one with --name")
    known = ", ".join(row[1] for row in table()) or "none is up"
    raise LabError(f"no lab host is called {host}; hosts: {known}")


def fault(action: str, host: str, name: str | None) -> None:
    """Do `action` to a host from outside, as a power cut, a frozen machine or a pulled cable does."""
    container = find(host, name)
    labels = json.loads(podman("inspect", "--format", "{{json .Config.Labels}}", container))
    network, address = labels[LABEL], labels[f"{LABEL}.address"]
    actions: dict[str, tuple[str, ...]] = {
        "stop": ("stop", container),
        "start": ("start", container),
        "kill": ("kill", container),
        "pause": ("pause", container),
        "unpause": ("unpause", container),
        "disconnect": ("network", "disconnect", "--force", network, container),
        "connect": ("network", "connect", *_identity(address), network, container),
    }
    podman(*actions[action])
    if action == "kill":
        podman("wait", container)
    if action == "start" and labels[f"{LABEL}.init"] == "systemd":
        _wait(container)
    say(f"{action} {host}: done")


def _identity(address: str) -> tuple[str, ...]:
    """The network options that make a host the one its peers know."""
    return ("--ip", address, "--mac-address", model.mac(address))


def _each(function: Callable[[str], T], items: Iterable[str]) -> list[T]:
    """Call `function` on every item, a few at once: booting is bound by the machine's cores."""
    with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool:
        return list(pool.map(function, items))


def _networks() -> dict[str, list[IPv4Network]]:
    """podman's networks by name, with their IPv4 subnets."""
    listed = json.loads(podman("network", "ls", "--format", "json"))
    return {
        row["name"]: [
            IPv4Network(entry["subnet"]) for entry in row.get("subnets") or [] if ":" not in entry["subnet"]
        ]
        for row in listed
    }


def _network(target: Lab) -> IPv4Network:
    """The lab's network, made on first use on a /24 that neither podman nor the machine routes."""
    known = _networks()
    if target.id in known:
        return known[target.id][0]
    used = [net for nets in known.values() for net in nets]
    used += model.routes(Path("/proc/net/route").read_text())
    refused = ""
    for subnet in model.subnets(target, used)[:8]:
        try:
            podman("network", "create", "--disable-dns", "--subnet", str(subnet), target.id)
            return subnet
        except LabError as error:  # another lab took it meanwhile
            refused = str(error)
    raise LabError(f"no free /24 in {model.BLOCK} for the lab: {refused or 'all are in use'}")


def _write_files(target: Lab, subnet: IPv4Network, hosts: list[Host]) -> None:
    target.directory.mkdir(parents=True, exist_ok=True)
    target.sockets.mkdir(mode=0o700, exist_ok=True)
    key = target.directory / "key"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    addresses = {host.name: model.address(subnet, host) for host in hosts}
    target.ssh_config.write_text(model.ssh_config(target, addresses, engine.command()))
    (target.directory / "inventory.json").write_text(model.connection_inventory(target))
    # Written in place: running hosts have this very file mounted.
    (target.directory / "hosts").write_text(model.hosts_file(addresses))
    (target.directory / "pip.conf").write_text(_pip_conf())
    machine = Path("/proc/meminfo").read_text()
    for host in hosts:
        if host.memory_mb:
            (target.directory / f"meminfo-{host.name}").write_text(model.meminfo(machine, host.memory_mb))


def _pip_conf() -> str:
    """What the machine's pip is told about indexes, as far as it means anything on another host."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    ).stdout
    return model.pip_conf(listed)


def _run(target: Lab, host: Host, tag: str, subnet: IPv4Network, spec: str) -> None:
    address = str(model.address(subnet, host))
    labels = {
        LABEL: target.id, f"{LABEL}.spec": spec, f"{LABEL}.name": target.name, f"{LABEL}.host": host.name,
        f"{LABEL}.checkout": str(ROOT), f"{LABEL}.release": host.release, f"{LABEL}.address": address,
        f"{LABEL}.init": host.init,
    }
    mounts = {
        "hosts": "/etc/hosts:ro", "pip.conf": "/etc/pip.conf:ro", "key.pub": "/root/.ssh/authorized_keys:ro",
    }
    limits: list[str] = []
    if host.memory_mb:
        limits += ["--memory", f"{host.memory_mb}m", "--memory-swap", f"{host.memory_mb}m"]
        mounts[f"meminfo-{host.name}"] = "/proc/meminfo:ro"
    if host.cpus:
        limits += ["--cpus", str(host.cpus)]
    podman(
        *engine.runtime(), "run", "--detach", "--name", target.container(host.name), "--hostname", host.name,
        "--network", target.id, *_identity(address), "--no-hosts",
        # Privileged for systemd's sake, but the clock is the machine's: no host may set it. podman ignores
        # --cap-drop=SYS_TIME under --privileged, so a system call filter does it.
        "--privileged", "--security-opt", f"seccomp={SECCOMP}",
        "--systemd", "always", "--cgroupns", "private", "--pids-limit", "-1",
        "--restart", "always", "--stop-timeout", "90",
        *engine.ulimits(), *limits,
        *(f"--label={key}={value}" for key, value in labels.items()),
        *(f"--volume={target.directory / file}:{path}" for file, path in mounts.items()),
        tag, *([] if host.init == "systemd" else ["sleep", "infinity"]),
    )


def _wait(container: str) -> None:
    """Return when systemd has finished booting; LabError with the reason when it does not."""
    deadline = time.monotonic() + BOOT_SECONDS
    state = ""
    while time.monotonic() < deadline:
        done = engine.exec_in(container, ["systemctl", "is-system-running", "--wait"])
        state = done.stdout.strip() or done.stderr.strip()
        if state == "running":
            return
        if state == "degraded":
            failed = engine.exec_in(container, ["systemctl", "--failed", "--plain", "--no-legend"]).stdout
            say(f"{container}: booted, but these units failed:\n{failed.rstrip()}")
            return
        time.sleep(0.1)
    logs = podman("logs", "--tail", "20", container, check=False)
    raise LabError(f"{container}: systemd did not finish booting in {BOOT_SECONDS} s ({state})\n{logs}")
