# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The course of a rolling restart or a deploy: what restarts when, and what is said before it starts.

It rests on what runs, not on what the inventory asks for: a worker that is down consumes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import layout

from .batches import Fleet, Shortage, Worker, batches

# A unit in one of these states was stopped by somebody, and stays so.
PARKED = ("stopped", "drained", "missing", "spare")
HOSTS_NAMED = 3


@dataclass(frozen=True)
class Unit:
    """A unit of a host as celeryops.systemd.instance_info saw it.

    :param name: the instance, ``beat`` or ``flower``.
    :param extra: whether the host's scaler may start or stop it at any moment.
    :param uptime, stop_timeout: in seconds; uptime is None when it is not active.
    """

    host: str
    unit: str
    name: str
    state: str
    active: bool
    status: str = ""
    node: str = ""
    queues: tuple[str, ...] = ()
    slots: int = 1
    release: str | None = None
    uptime: int | None = None
    stop_timeout: int = 0
    extra: bool = False

    @property
    def well(self) -> bool:
        """Whether it does its work now; for a worker, that it consumes."""
        return self.state == "consuming" if self.unit.startswith(layout.WORKER) else self.active

    @property
    def worker(self) -> Worker:
        """What its batch depends on."""
        return Worker(self.host, self.name, frozenset(self.queues if self.well else ()), self.slots)


@dataclass(frozen=True)
class Options:
    """What is asked for.

    :param hosts: those that the play may touch.
    :param share: the share of each queue's capacity that has to stay, from 0 to 1.
    :param targets: the release that each host is to run, where it has to run one; None restarts what there
        is.
    :param links: the release that `current` names on each host.
    :param max_uptime: restart only what has been up for longer, in seconds; None restarts all.
    :param only: restart only these units of each host; None restarts all.
    :param beat_first: for a way back: beat must not send what older workers do not know.
    """

    hosts: tuple[str, ...]
    share: float
    targets: Mapping[str, str] | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    max_uptime: float | None = None
    only: Mapping[str, Sequence[str]] | None = None
    beat_first: bool = False


@dataclass
class Batch:
    """What restarts together.

    :param units: what restarts on each host.
    :param nodes: the workers among them, by Celery's names.
    :param switch: the release that `current` is switched to before, on each host where it is not yet.
    :param expect: what has to be well on each host when the batch is done.
    :param extras: the extra workers of each host that restart too, or were spare and may have started since.
    :param patience: seconds that the slowest of its units may take to stop.
    """

    title: str
    units: dict[str, list[str]]
    nodes: dict[str, list[str]]
    switch: dict[str, str]
    expect: dict[str, list[str]]
    extras: dict[str, list[str]]
    patience: int


def read(seen: Mapping[str, Mapping[str, Any]]) -> list[Unit]:
    """Return the units of each host; a host that did not answer has none.

    :param seen: what celeryops.systemd.instance_info returned, by host.
    """
    return [_unit(host, row) for host, found in seen.items() for row in found.get("instances", ())]


def _unit(host: str, row: Mapping[str, Any]) -> Unit:
    return Unit(
        host=host,
        unit=row["unit"],
        name=row["instance"],
        state=row["state"],
        active=row["active"],
        status=row["status"] or "",
        node=row["node"] or "",
        queues=tuple(row["queues"]),
        slots=row["concurrency"] or 1,
        release=row["release"],
        uptime=row["uptime"],
        stop_timeout=row["stop_timeout"] or 0,
        extra=row["extra"],
    )


def course(units: Sequence[Unit], options: Options) -> list[Batch]:
    """Return the batches in their order; none when nothing has to be done."""
    moving = [unit for unit in units if _moves(unit, options)]
    workers = {unit.worker: unit for unit in moving if unit.unit.startswith(layout.WORKER)}
    groups = [[workers[worker] for worker in batch] for batch in batches(workers, _fleet(units, options))]
    single = {name: [unit for unit in moving if unit.unit == name] for name in (layout.BEAT, layout.FLOWER)}
    beat, flower = single.values()
    groups = [beat, *groups, flower] if options.beat_first else [*groups, beat, flower]
    return _course([group for group in groups if group], units, options)


def _fleet(units: Iterable[Unit], options: Options) -> Fleet:
    return Fleet((unit.worker for unit in units if unit.unit.startswith(layout.WORKER)), options.share)


def _moves(unit: Unit, options: Options) -> bool:
    if unit.host not in options.hosts or unit.state in PARKED:
        return False
    if options.targets is not None:
        # Flower has an environment of its own: no release changes it.
        changes = unit.host in options.targets and unit.release != options.targets[unit.host]
        return changes and unit.unit != layout.FLOWER
    if options.only is not None and unit.unit not in options.only.get(unit.host, ()):
        return False
    return unit.uptime is None or options.max_uptime is None or unit.uptime > options.max_uptime


def _course(groups: list[list[Unit]], units: Sequence[Unit], options: Options) -> list[Batch]:
    late = {host: to for host, to in (options.targets or {}).items() if options.links.get(host) != to}
    busy = {unit.host for group in groups for unit in group}
    if late and not groups:
        groups = [[]]
    well = [unit for unit in units if unit.well and unit.host in options.hosts and not unit.extra]
    spare = [unit for unit in units if unit.extra and unit.state in PARKED]
    found = []
    for number, group in enumerate(groups, 1):
        well += [unit for unit in group if unit not in well and not unit.extra]
        hosts = {unit.host for unit in group}
        # A host on which nothing runs is switched with the first batch, another with the first of its units.
        switch = {host: to for host, to in late.items() if host in hosts or host not in busy}
        late = {host: to for host, to in late.items() if host not in switch}
        found.append(
            Batch(
                title=f"{number} of {len(groups)}: {where(group) or 'nothing runs, only the link changes'}",
                units=_by_host(group, "unit"),
                nodes=_by_host([unit for unit in group if unit.node and not unit.extra], "node"),
                switch=switch,
                expect=_by_host(well, "unit"),
                extras=_by_host(
                    [unit for unit in [*group, *spare] if unit.extra and unit.host in hosts], "unit"
                ),
                patience=max((unit.stop_timeout for unit in group), default=0),
            )
        )
    return found


def _by_host(units: Iterable[Unit], attribute: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for unit in units:
        found.setdefault(unit.host, []).append(getattr(unit, attribute))
    return found


def where(units: Sequence[Unit]) -> str:
    """Return the units by their hosts, in words; of many hosts only how many they are."""
    hosts = _by_host(units, "name")
    if len(hosts) > HOSTS_NAMED:
        return f"{len(units)} units on {len(hosts)} hosts"
    return ", ".join(f"{host} ({', '.join(names)})" for host, names in hosts.items())


def former(units: Iterable[Unit], release: str, links: Mapping[str, str]) -> dict[str, str]:
    """Return the release that each host goes back to when ``release`` does not work; empty for none.

    A host that an interrupted run has switched already goes where the others go.

    :param links: the release that `current` names on each host.
    """
    others = Counter(link for link in links.values() if link and link != release)
    others = others or Counter(unit.release for unit in units if unit.release and unit.release != release)
    most = others.most_common(1)[0][0] if others else ""
    return {host: most if link == release else link for host, link in links.items()}


def rows(found: Iterable[Batch], units: Iterable[Unit]) -> list[dict[str, Any]]:
    """Return a row for each unit that restarts, as a table shows it."""
    known = {(unit.host, unit.unit): unit for unit in units}
    return [
        {
            "batch": number,
            "host": host,
            "instance": known[host, name].name,
            "queues": " ".join(known[host, name].queues),
            "state": known[host, name].state,
            "release": known[host, name].release,
        }
        for number, batch in enumerate(found, 1)
        for host, names in batch.units.items()
        for name in names
    ]


def notes(
    found: Sequence[Batch], units: Sequence[Unit], options: Options, silent: Iterable[str] = ()
) -> list[str]:
    """Return what has to be said before anything stops.

    :param silent: hosts outside of the play that did not answer.
    """
    fleet = _fleet(units, options)
    known = {(unit.host, unit.unit): unit.worker for unit in units}
    said = []
    for number, batch in enumerate(found, 1):
        stopped = [known[host, name] for host, names in batch.units.items() for name in names]
        said += [f"batch {number}: {line}" for line in _short(fleet.shortages(stopped), stopped, options)]
    parked = [unit for unit in units if unit.host in options.hosts and unit.state in PARKED]
    for state, group in groupby(sorted(parked, key=lambda unit: unit.state), key=lambda unit: unit.state):
        said.append(f"left alone, because {state}: {where(list(group))}")
    said += [f"{host} gives no answer: its workers do not count" for host in silent]
    return said if found else [*said, "nothing to restart"]


def _short(shortages: Iterable[Shortage], stopped: Sequence[Worker], options: Options) -> list[str]:
    """The batches leave a queue too little only for one worker each."""
    queues: dict[tuple[str, float], list[str]] = {}
    for one in shortages:
        (worker,) = [worker for worker in stopped if one.queue in worker.queues]
        queues.setdefault((worker.host, max(0.0, one.left)), []).append(one.queue)
    asked = f"rollout_min_capacity asks for {options.share:.0%}"
    return [
        f"{left:.0%} of the capacity stays while {host} restarts, of {', '.join(names)}; {asked}"
        if left
        else f"only {host} consumes {', '.join(names)}: nobody does while it restarts"
        for (host, left), names in queues.items()
    ]
