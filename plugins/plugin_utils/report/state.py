# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether the fleet is as the inventory says: what should run and does not, by host and by queue."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import naming
from ..plan import planning, spec

# The exit status of ansible-playbook by the state of the fleet: 2 is also its own for a failed play.
EXIT = {"well": 0, "degraded": 2, "unserved": 3}
# The role of a host by its group, and what it is in messages.
SINGLES = {"celery_beat": "beat", "celery_flower": "flower"}
# Rests on purpose: drain.yml took the host out, or the queue does not need an extra worker now.
AT_REST = ("drained", "spare")


@dataclass(frozen=True)
class Wanted:
    """What the inventory puts on the fleet.

    :param hosts: those that are looked at.
    :param groups: the inventory's groups.
    :param queues: celery_worker_queues.
    :param packages: celery_app_packages, which decide what the pool `auto` is.
    """

    hosts: Sequence[str]
    groups: Mapping[str, Collection[str]]
    queues: Mapping[str, Any]
    packages: Sequence[str] = ()

    def served_by(self, queue: str) -> Collection[str]:
        """Return the hosts of a queue."""
        return self.groups.get(naming.group_of(queue), ())

    def spec(self, queue: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return what a queue's workers consume and their pools; of a wrong entry its name and no pool."""
        known, _wrong = planning.read_defaults({"packages": self.packages})
        read, _problems = spec.read(queue, self.queues[queue], known.soft, known.hard, known.io_pool)
        return (read.consumes, read.pools) if read else ((queue,), ())

    def of(self, host: str) -> list[str]:
        """Return the instances that have to be there: one for each pool of each queue, beat, Flower."""
        pools = {queue: self.spec(queue)[1] for queue in self.queues}
        return [
            *(naming.instance_of(queue, pool) for queue in pools if host in self.served_by(queue)
              for pool in pools[queue]),
            *(name for group, name in SINGLES.items() if host in self.groups.get(group, ())),
        ]  # fmt: skip


@dataclass(frozen=True)
class Lack:
    """Something that should run and does not.

    :param told: whether the unit itself is there, and says why it does not.
    """

    host: str
    instance: str
    why: str
    told: bool = False


def lacks(wanted: Wanted, seen: Mapping[str, Mapping[str, Any]]) -> list[Lack]:
    """Return what should run by the inventory and does not; what rests on purpose is not missed.

    :param seen: What the module instance_info returned, by host; without ``instances`` where it could not
        look.
    """
    return [lack for host in wanted.hosts for lack in _of_host(wanted, host, seen.get(host, {}))]


def _of_host(wanted: Wanted, host: str, found: Mapping[str, Any]) -> Iterator[Lack]:
    if "instances" not in found:
        yield from (Lack(host, name, unseen(found)) for name in wanted.of(host))
        return
    units = {unit["instance"]: unit for unit in found["instances"]}
    for name in wanted.of(host):
        if name not in units:
            yield Lack(host, name, "no such unit; play site")
        elif not well(units[name]):
            yield Lack(host, name, str(units[name]["status"] or units[name]["state"]), told=True)


def unseen(found: Mapping[str, Any]) -> str:
    """Return why nothing is known of a host: it did not answer, or it did and could not be looked at.

    Of one that was looked at it is an empty word.
    """
    if "instances" in found:
        return ""
    if found.get("unreachable") or not found:
        return "unreachable"
    return "not looked at"


def well(unit: Mapping[str, Any]) -> bool:
    """Tell whether a unit does its work, or rests on purpose."""
    if unit["state"] in AT_REST:
        return True
    return bool(unit["state"] == "consuming" if unit["node"] else unit["active"])


def unserved(wanted: Wanted, seen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the broker's queues that nobody consumes, of those whose every host was looked at."""
    consumed = {
        queue
        for found in seen.values()
        for unit in found.get("instances", ())
        if unit["state"] == "consuming"
        for queue in unit["queues"]
    }
    names = [
        name
        for queue in wanted.queues
        if wanted.served_by(queue) and set(wanted.served_by(queue)) <= set(wanted.hosts)
        for name in wanted.spec(queue)[0]
    ]
    return sorted({name for name in names if name not in consumed})


def judge(wanted: Wanted, seen: Mapping[str, Mapping[str, Any]]) -> tuple[str, list[str]]:
    """Return the state of the fleet and why it is not well.

    A queue without a consumer is worse than anything else. Units count too that no queue of the inventory
    asks for, such as the broker's.
    """
    alone, lacking = unserved(wanted, seen), lacks(wanted, seen)
    told = {(lack.host, lack.instance) for lack in lacking}
    reasons = [f"nobody consumes {', '.join(alone)}"] if alone else []
    reasons += [f"{lack.host}: {lack.instance}: {lack.why}" for lack in lacking]
    for host, found in seen.items():
        if unseen(found) and not wanted.of(host):
            reasons.append(f"{host}: {unseen(found)}")
        reasons += [
            f"{host}: {unit['instance']}: {unit['state']}"
            for unit in found.get("instances", ())
            if not well(unit) and (host, unit["instance"]) not in told
        ]
    return "unserved" if alone else "degraded" if reasons else "well", reasons
