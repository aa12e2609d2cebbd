# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether what the inventory puts on the hosts runs there: well, degraded, or a queue is unserved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import naming, plan
from .inventory import Groups, Hostvars

WELL, DEGRADED, UNSERVED = "well", "degraded", "unserved"
# States of a worker that somebody has put to rest on purpose.
AT_REST = ("drained", "spare")
SERVICES = {"celery_beat": "beat", "celery_flower": "flower"}


@dataclass(frozen=True)
class Desired:
    """What the inventory puts on a host.

    instances: those that always run, each with the queues that it consumes, by the broker's names.
    services: beat and Flower.
    """

    instances: Mapping[str, Sequence[str]] = field(default_factory=dict)
    services: Sequence[str] = ()


def desired(hostvars: Hostvars, groups: Groups, hosts: Iterable[str]) -> dict[str, Desired]:
    """Return what should run on each of the hosts; a spec that cannot be read counts as none."""
    return {
        host: Desired(
            _instances(hostvars[host], groups, host),
            [name for group, name in SERVICES.items() if host in groups.get(group, ())],
        )
        for host in hosts
    }


def _instances(variables: Mapping[str, Any], groups: Groups, host: str) -> dict[str, Sequence[str]]:
    queues = variables.get("celery_worker_queues")
    queues = queues if isinstance(queues, Mapping) else {}
    own = {name: raw for name, raw in queues.items() if host in groups.get(naming.group_of(str(name)), ())}
    asked = {"packages": variables.get("celery_app_packages") or ()}
    found, _wrong = plan.Fleet(own, groups, asked).instances(host)
    return {instance.name: instance.spec.consumes for instance in found if not instance.scale}


def judge(
    wanted: Mapping[str, Desired], seen: Mapping[str, Mapping[str, Any]], everywhere: bool = True
) -> tuple[str, list[str]]:
    """Return the state of the fleet, and each thing that should run and does not, in words.

    :param seen: what instance_info returned, by host; without ``instances`` where it got no answer.
    :param everywhere: whether these are all hosts of the fleet. Of some alone nobody can tell that a queue is
        unserved.
    """
    lacking: list[str] = []
    served: dict[str, bool] = {}
    for host, want in wanted.items():
        rows = {row["instance"]: row for row in seen.get(host, {}).get("instances", ())}
        for name, queues in want.instances.items():
            state = rows[name]["state"] if name in rows else ""
            for queue in queues:
                served[queue] = served.get(queue, False) or state == "consuming"
        missing = [name for name in want.instances if name not in rows]
        missing += [name for name in want.services if not rows.get(name, {}).get("active")]
        if missing:
            away = "instances" not in seen.get(host, {})
            what = "cannot be looked at" if away else "do not run, though the inventory has them there"
            lacking.append(f"{host}: {', '.join(missing)}: {what}")
    unserved = sorted(queue for queue, consumed in served.items() if not consumed) if everywhere else []
    if unserved:
        return UNSERVED, [f"no worker consumes {', '.join(unserved)}", *lacking]
    rests = all(
        row["state"] in ("consuming", *AT_REST)
        for host in wanted
        for row in seen.get(host, {}).get("instances", ())
        if row["node"]
    )
    return (WELL if rests and not lacking else DEGRADED), lacking
