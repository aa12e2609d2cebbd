"""podman as it is on this machine: detected, never assumed."""

from __future__ import annotations

import json
import os
import resource
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from lab.model import LabError


def say(message: str) -> None:
    """One line of progress."""
    print(f"lab: {message}", flush=True)


@cache
def command() -> tuple[str, ...]:
    """podman's words: $LAB_PODMAN ("sudo podman" where rootless will not do) or just podman."""
    words = tuple(shlex.split(os.environ.get("LAB_PODMAN", "podman")))
    if not shutil.which(words[0]):
        raise LabError(f"{words[0]} is not installed: run `make tools`")
    return words


def podman(*arguments: str, check: bool = True) -> str:
    """Run podman and return what it printed; a failure becomes a LabError with podman's own words."""
    done = subprocess.run(
        [*command(), *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if check and done.returncode:
        raise LabError(f"podman {arguments[0]} failed ({done.returncode}): {done.stderr.strip()}")
    return done.stdout


@cache
def info() -> dict[str, Any]:
    """`podman info`."""
    facts: dict[str, Any] = json.loads(podman("info", "--format", "json"))
    return facts


def runtime() -> list[str]:
    """Global options that choose the OCI runtime: only runc gives private cgroups on v1."""
    if info()["host"]["cgroupVersion"] != "v1":
        return []
    if not shutil.which("runc", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/podman"):
        raise LabError("cgroup v1 needs runc, which is not installed: run `make tools`")
    return ["--runtime", "runc"]


def ulimits() -> list[str]:
    """Limits we may set without CAP_SYS_RESOURCE: podman's own defaults lie above the hard limits here."""
    unlimited = resource.RLIM_INFINITY
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    processes = resource.getrlimit(resource.RLIMIT_NPROC)[1]
    files = int(_sysctl("fs/nr_open")) if files == unlimited else files
    pids = int(_sysctl("kernel/pid_max"))
    processes = pids if processes == unlimited else min(processes, pids)
    return ["--ulimit", f"nofile={files}:{files}", "--ulimit", f"nproc={processes}:{processes}"]


def _sysctl(name: str) -> str:
    return (Path("/proc/sys") / name).read_text().strip()


def allow_many_hosts(running: int) -> None:
    """Raise the inotify limit where we may; each systemd holds a handful of instances of root's 128."""
    setting, enough, wanted = Path("/proc/sys/fs/inotify/max_user_instances"), 16, 1024
    if running <= enough or int(setting.read_text()) >= wanted:
        return
    try:
        setting.write_text(f"{wanted}\n")
        say(f"raised fs.inotify.max_user_instances to {wanted} for {running} hosts")
    except OSError as error:
        say(f"{running} hosts may need fs.inotify.max_user_instances={wanted}, which we may not set: {error}")


def containers(*filters: str) -> list[dict[str, Any]]:
    """Containers that match podman's `filters`, stopped ones included."""
    arguments = [word for text in filters for word in ("--filter", text)]
    rows: list[dict[str, Any]] = json.loads(podman("ps", "-a", "--format", "json", *arguments) or "[]") or []
    return rows


def exec_in(container: str, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run `words` inside `container`, without judging the result."""
    return subprocess.run(
        [*command(), "exec", container, *words],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )
