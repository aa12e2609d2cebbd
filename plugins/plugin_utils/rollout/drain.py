# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Taking the workers of a host out of the fleet, and putting them back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import layout

from ..app.release import OWNED_BY_ROOT
from ..inventory.problems import Problem
from .course import Unit

# What a drain leaves on the host, by the group that says so.
STAYS = {"celery_broker": "the broker", "celery_beat": "beat", "celery_flower": "Flower"}


def desired(units: Iterable[Unit], host: str, drained: bool) -> list[dict[str, Any]]:
    """Return the host's workers as celeryops.systemd.units takes them: at rest, or at work.

    Extra workers are not put back to work: the host's scaler starts those that are needed.
    """
    state = "stopped" if drained else "started"
    return [
        {"name": unit.unit, "state": state, "enabled": not drained, "inputs": []}
        for unit in units
        if unit.host == host and unit.unit.startswith(layout.WORKER) and unit.state != "missing"
        if drained or not unit.extra
    ]


def mark(since: datetime | None) -> dict[str, Any]:
    """Return the entry of managed_files for what keeps a host's workers at rest; None takes it away."""
    if not since:
        return {"path": layout.DRAINED, "state": "absent"}
    content = since.strftime("%Y-%m-%dT%H:%M:%SZ\n")
    # A second drain leaves the time of the first.
    return {"path": layout.DRAINED, "content": content, "once": True, "mode": "0644", **OWNED_BY_ROOT}


def problems(units: Sequence[Unit], hosts: Sequence[str], limited: bool, unserved: bool) -> list[str]:
    """Return why the hosts must not be drained.

    :param units: those of the whole fleet.
    :param limited: whether the operator named the hosts.
    :param unserved: whether queues may be left without a worker.
    """
    if not limited:
        fix = "name those that you want to take out, such as --limit worker3"
        return [Problem("--limit", "", "every worker of the fleet would stop", fix).text(hosts[0])]
    if unserved:
        return []
    consumers: dict[str, set[str]] = {}
    for unit in units:
        for queue in unit.queues if unit.well and not unit.extra else ():
            consumers.setdefault(queue, set()).add(unit.host)
    fix = "let another host serve it first, or let its tasks wait: -e drain_unserved=true"
    return [
        Problem("--limit", ",".join(hosts), f"nobody else consumes queue {queue}", fix).text(min(its))
        for queue, its in sorted(consumers.items())
        if its <= set(hosts)
    ]


def notes(hosts: Sequence[str], groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Return what the operator has to know: what else runs on the hosts, and is not drained."""
    return [
        f"{host} also runs {what}: not drained, and away while the host is"
        for host in hosts
        for group, what in STAYS.items()
        if host in groups.get(group, ())
    ]
