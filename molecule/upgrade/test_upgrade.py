"""A fleet of version 0.1.0 becomes one of this collection while tasks flow.

The tests are one story: each begins with the fleet as the one before has left it. The old collection lies
beside, as `git archive bd95eb6` gave it: a clone may come without its history.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from load.fleet import Fleet, Load

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
PLACE = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "0.1.0"
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
FLEET = Fleet(INVENTORY, PROJECT / ".cache/lab/upgrade/ssh_config")
OLD = Path(__file__).parent / "0.1.0.tar.xz"
PACKAGES = ["tzdata", "python3-venv", "python3-packaging"]
OLD_NAMES = {"common_user": "celery", "common_packages": PACKAGES, "celery_worker_task_time_limit": 60}
NEW_NAMES = {
    "common_user": "celery_host_user",
    "common_packages": "celery_host_packages",
    "celery_worker_task_time_limit": "celery_app_task_time_limit",
}
WITH_NEW_NAMES = {
    **{new: OLD_NAMES[old] for old, new in NEW_NAMES.items()},
    "celery_app_foreign_queues": ["images", "reports"],  # 0.1.0 did not ask who consumes them
}
QUEUES = ("default", "mail")
MIX = {
    "tasks": [
        entry
        for entry in json.loads((PROJECT / "tests/apps/shop/load.json").read_text())["tasks"]
        if entry["queue"] in QUEUES
    ],
    "chord": {
        "header": [{"queue": "mail", "task": "shop.mail.send", "args": ["buyer@example.org"]}] * 3,
        "body": {"queue": "default", "task": "shop.orders.ship", "args": [1]},
    },
}
AGENT = {
    str(module.relative_to(PROJECT / "roles/celery_app/files"))
    for module in (PROJECT / "roles/celery_app/files/celeryops_agent").rglob("*.py")
}
HOSTS = ("broker1", "worker1", "worker2", "ops1")
UNITS = ("celery-worker@*.service", "celery-beat.service", "celery-flower.service", "redis-server.service")
# What a unit reads when it starts: its own files, and those that it shares with others on its host.
READS = {
    "celery-worker@": (
        "/etc/systemd/system/celery-worker@.service",
        "/etc/systemd/system/celery-worker@{instance}.service.d",
        "/etc/conf.d/celery/worker-{instance}.env",
        "/etc/conf.d/celery/broker.env",
        "/etc/conf.d/celery/app.env",
        "/etc/conf.d/celery/settings.json",
        "/opt/celery/agent",
        "/opt/celery/current/app/",
    ),
    "celery-beat": (
        "/etc/systemd/system/celery-beat.service",
        "/etc/conf.d/celery/beat.env",
        "/etc/conf.d/celery/beat.json",
        "/etc/conf.d/celery/broker.env",
        "/etc/conf.d/celery/app.env",
        "/etc/conf.d/celery/settings.json",
        "/opt/celery/agent",
        "/opt/celery/current/app/",
    ),
    "celery-flower": (
        "/etc/systemd/system/celery-flower.service",
        "/etc/conf.d/celery/flower.env",
        "/etc/conf.d/celery/flower-cookie.env",
        "/opt/celery/flower/etc",
    ),
    "redis-server": ("/etc/systemd/system/redis-server.service.d", "/etc/redis", "/etc/celery-redis"),
}


# Why each has to restart: what it has read at its start is not what stands there now.
MUST = {
    # Redis's files leave the directory that the user redis may write: it is started with the new path.
    "redis-server": "/etc/celery-redis/celery.conf",
    # The agent is a part of the process: it is imported once.
    "celery-worker@": "/opt/celery/agent/celeryops_agent/worker.py",
    "celery-beat": "/opt/celery/agent/celeryops_agent/beat.py",
    # Its sandbox has more lines.
    "celery-flower": "/etc/systemd/system/celery-flower.service",
}


@dataclass(frozen=True)
class Seen:
    """A unit: its process, when it became active, and the hashes of what it reads."""

    started: str
    reads: dict[str, str]


def seen() -> dict[tuple[str, str], Seen]:
    """Look at every unit of the fleet."""
    found = {}
    for host in HOSTS:
        show = [
            "systemctl",
            "show",
            "--property=Id,MainPID,ActiveEnterTimestampMonotonic,ActiveState",
            *UNITS,
        ]
        for block in FLEET.hosts.run(host, show).strip().split("\n\n"):
            values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
            if values.get("ActiveState") != "active":
                continue
            name = values["Id"].removesuffix(".service")
            prefix = prefix_of(name)
            paths = [path.format(instance=name.removeprefix(prefix)) for path in READS[prefix]]
            started = f"{values['MainPID']} {values['ActiveEnterTimestampMonotonic']}"
            found[host, name] = Seen(started, hashes(host, paths))
    return found


def prefix_of(name: str) -> str:
    """The key of a unit in READS."""
    return next(prefix for prefix in READS if name.startswith(prefix))


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The files that came, went or differ."""
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def hashes(host: str, paths: list[str]) -> dict[str, str]:
    """The hash of each file at or below the paths; what Python caches and Redis writes is nobody's input."""
    find = ["find", *paths, "-type", "f", "-not", "-name", "*.pyc", "-exec", "sha256sum", "{}", "+"]
    lines = FLEET.hosts.run(host, find, accept=(0, 1)).splitlines()
    return {path: digest for digest, path in (line.split(maxsplit=1) for line in lines)}


def agent_files(host: str) -> set[str]:
    """The modules of the agent on a host: what an older agent had is gone."""
    find = ["find", "/opt/celery/agent", "-name", "*.py", "-printf", "%P\\n"]
    return set(FLEET.hosts.run(host, find).split())


def play(variables: dict[str, Any], *, collections: Path | None = None) -> tuple[int, str]:
    """Play the site; return its status and all that it printed."""
    where = {"ANSIBLE_COLLECTIONS_PATH": str(collections)} if collections else {}
    names = PLACE / "names.json"
    names.write_text(json.dumps({"celery": {"vars": variables}}))
    command = ["ansible-playbook", "celeryops.systemd.site", "-i", str(INVENTORY), "-i", str(names)]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env={**os.environ, **where},
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.fixture(scope="module", autouse=True)
def old_fleet() -> None:
    """Build the old collection and make the hosts what it makes of them."""
    source, collections = PLACE / "source", PLACE / "collections"
    source.mkdir(parents=True, exist_ok=True)
    galaxy = ["ansible-galaxy", "collection"]
    for command in (
        ["tar", "-xf", str(OLD), "-C", str(source)],
        [*galaxy, "build", "--force", "--output-path", str(PLACE), str(source)],
        [*galaxy, "install", "--force", "--offline", "--no-deps", "--collections-path", str(collections),
         str(PLACE / "celeryops-systemd-0.1.0.tar.gz")],
    ):  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
    status, said = play(OLD_NAMES, collections=collections)
    assert status == 0, said


@pytest.fixture
def load(request: pytest.FixtureRequest) -> Iterator[Load]:
    """Tasks flow all the while; at the end every one has run once, and no queue was left alone.

    One that has ended may stay noted as unacknowledged: workers of 0.1.0 do not say it again when Redis,
    which restarts under them, did not hear it.
    """
    with Load(FLEET, request.node.name, MIX, 200, 10, None) as flow:
        yield flow
    print(flow)
    assert flow.each_ran_once, str(flow)
    assert flow.alone == [], str(flow)


def test_old_names_are_refused_with_the_new_ones_before_any_change() -> None:
    before = seen()
    status, said = play(OLD_NAMES)
    assert status != 0
    words = re.sub(r"\s+", " ", said)
    for old, new in NEW_NAMES.items():
        assert re.search(rf"{old} = [^;]*; rename it to {new}", words), said
    assert set(re.findall(r"changed=(\d+)", said)) == {"0"}
    assert seen() == before


@pytest.mark.usefixtures("load")
def test_nothing_is_lost_and_only_what_must_restart_does() -> None:
    before = seen()
    status, said = play(WITH_NEW_NAMES)
    assert status == 0, said
    after = seen()
    assert after.keys() == before.keys()
    restarted = {key for key in after if after[key].started != before[key].started}
    differs = {key: changed(before[key].reads, after[key].reads) for key in after}
    assert restarted == {key for key, paths in differs.items() if paths}, differs
    for host, name in restarted:
        assert MUST[prefix_of(name)] in differs[host, name]
    for host in ("worker1", "worker2", "ops1"):
        assert agent_files(host) == AGENT, host
    summary = said[said.index("SUMMARY ***") :]
    assert all(name in summary for _host, name in restarted), summary


def test_a_second_run_changes_nothing() -> None:
    before = seen()
    status, said = play(WITH_NEW_NAMES)
    assert status == 0, said
    assert set(re.findall(r"changed=(\d+)", said)) == {"0"}
    assert seen() == before
