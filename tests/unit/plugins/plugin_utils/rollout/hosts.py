# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hosts as the playbooks of a rollout see them."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def worker(queue: str, **other: Any) -> Row:
    """A worker of a queue, as celeryops.systemd.instance_info returns it."""
    instance = f"{queue}-prefork"
    return {
        "unit": f"celery-worker@{instance}.service",
        "instance": instance,
        "state": "consuming",
        "active": True,
        "extra": False,
        "status": f"consuming {queue}, 0 active",
        "release": None,
        "uptime": 3600,
        "node": instance,
        "queues": [queue],
        "concurrency": 4,
        "stop_timeout": 330,
    } | other


def _single(name: str) -> Row:
    unit = {"unit": f"celery-{name}.service", "instance": name, "state": "running", "status": None}
    return worker("-") | unit | {"node": None, "queues": [], "concurrency": None, "stop_timeout": None}


def beat() -> Row:
    """Beat, as celeryops.systemd.instance_info returns it."""
    return _single("beat")


def flower() -> Row:
    """Flower, as celeryops.systemd.instance_info returns it."""
    return _single("flower")


def host(
    *units: Row, release: str = "", releases: tuple[str, ...] = (), failed: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What is known of a host: its units, and the releases: the current one, those kept, and which failed."""
    deployed = [name for name in releases if name not in failed]
    facts = {"release": release, "releases": list(releases), "deployed": deployed}
    return {"instances": list(units), "facts": facts}


def seen(fleet: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What a look at each host returned."""
    return {
        name: {"instances": [_named(unit, name) for unit in known["instances"]]}
        for name, known in fleet.items()
    }


def facts(fleet: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The facts of each host."""
    return {name: {"celeryops": known["facts"]} for name, known in fleet.items()}


def _named(unit: Row, name: str) -> Row:
    return unit | {"node": f"{unit['node']}@{name}"} if unit["node"] else unit
