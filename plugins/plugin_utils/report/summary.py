# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a playbook did, in a few lines: what changed, what restarted, what runs, what to do next."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WIDTH = 100
LABEL = 16
# Named one by one up to these, so that a fleet of a hundred hosts has a summary of the same length.
HOSTS, NAMES, ENTRIES = 4, 6, 4
VERBS = {"started": "start", "restarted": "restart", "stopped": "stop"}
RUNNING = ("active", "reloading")
# These change nothing, and show what they found themselves.
READERS = ("measure", "plan", "status")


@dataclass
class Summary:
    """Takes the results of a run's tasks, and tells what they come to.

    :param playbook: its name without suffix.
    :param check: whether the run only foretells.
    """

    playbook: str = "site"
    check: bool = False
    changes: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    acted: dict[str, dict[tuple[str, str], None]] = field(
        default_factory=lambda: {verb: {} for verb in VERBS}
    )
    stale: dict[tuple[str, str], None] = field(default_factory=dict)
    units: dict[tuple[str, str], bool] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)

    def add(self, host: str, source: str, result: Mapping[str, Any]) -> None:
        """Take what a task returned on a host; source is the role or the play that it belongs to."""
        for item in result["results"] if isinstance(result.get("results"), list) else [result]:
            if isinstance(item, Mapping):
                self._add(host, source, item)

    def _add(self, host: str, source: str, result: Mapping[str, Any]) -> None:
        acted = self._add_units(host, result)
        if result.get("changed") is True and not acted:
            self.changes[source][host] += len(result.get("changed_paths") or ()) or 1

    def _add_units(self, host: str, result: Mapping[str, Any]) -> bool:
        """Take what the module ``units`` returned; tell whether units started, restarted or stopped."""
        states = result.get("states")
        if not isinstance(states, Mapping):
            return False
        for name, state in states.items():
            self.units[host, _short(name)] = state.get("active") in RUNNING
        acted = False
        for verb in VERBS:
            for name in result.get(verb) or ():
                if not self._came_about(verb, states.get(name, {})):
                    continue
                acted = True
                self.acted[verb][host, _short(name)] = None
                self.stale.pop((host, _short(name)), None)
        for name in () if self.check else result.get("stopped") or ():
            self.units[host, _short(name)] = False
        self.stale |= {(host, _short(name)): None for name in result.get("stale") or ()}
        return acted

    def _came_about(self, verb: str, state: Mapping[str, Any]) -> bool:
        """Tell whether a unit is as the verb says; the module names those too that did not come up."""
        return self.check or verb == "stopped" or state.get("active") in RUNNING

    def lines(self) -> list[str]:
        """Return the lines, each of WIDTH characters at most."""
        told = [*self._changed(), *self._acted()] or [("changed", [self._nothing])]
        if self.check:
            told = [(_would(label), entries) for label, entries in told]
        if self.playbook not in READERS:
            told.append(("run on old files", _units(self.stale)))
            told.append(
                ("runs now" if self.check else "runs", _units(key for key, on in self.units.items() if on))
            )
        told.append(("failed", _listed(self.failed)))
        told.append(("unreachable", _listed(self.unreachable)))
        told.append(("next", list(self._next())))
        return [line for label, entries in told for line in _section(label, entries)]

    @property
    def _nothing(self) -> str:
        """A task that failed may have done a part of its work, and does not tell."""
        return "nothing before what failed" if self.failed or self.unreachable else "nothing"

    def _changed(self) -> Iterable[tuple[str, list[str]]]:
        entries = []
        for source, hosts in self.changes.items():
            by_count: defaultdict[int, list[str]] = defaultdict(list)
            for host, count in sorted(hosts.items()):
                by_count[count].append(host)
            told = (f"{count} on {hosts_of(names)}" for count, names in sorted(by_count.items()))
            entries.append(f"{source}: {'; '.join(told)}")
        if entries:
            yield "changed", entries

    def _acted(self) -> Iterable[tuple[str, list[str]]]:
        for verb, keys in self.acted.items():
            if keys:
                yield verb, _units(keys)

    def _next(self) -> Iterable[str]:
        anything = self.changes or any(self.acted.values())
        if self.failed or self.unreachable:
            yield "fix what is told above, and play it again"
        elif self.playbook in READERS:
            return
        elif self.playbook == "preflight":
            yield "celeryops.systemd.site --check --diff shows what would change"
        elif self.check:
            yield (
                "the same without --check does it"
                if anything
                else "nothing: the fleet is as the inventory says"
            )
        elif self.stale:
            yield "celeryops.systemd.rolling_restart restarts what runs on old files"
        elif self.playbook == "drain":
            yield "celeryops.systemd.undrain with the same --limit, when the hosts are back"
        elif anything:
            yield "celeryops.systemd.status shows whether all of it works"
        else:
            yield "nothing: the fleet is as it was asked for"


def hosts_of(names: Collection[str]) -> str:
    """Return the names where they are few, otherwise how many there are and the first ones."""
    return _few(list(names), HOSTS, "hosts")


def _short(name: str) -> str:
    return name.removesuffix(".service")


def _would(label: str) -> str:
    return f"would {VERBS.get(label, 'change')}"


def _listed(hosts: Collection[str]) -> list[str]:
    return [hosts_of(hosts)] if hosts else []


def _units(keys: Iterable[tuple[str, str]]) -> list[str]:
    """Return an entry for each set of hosts on which the same units are."""
    by_host: defaultdict[str, list[str]] = defaultdict(list)
    for host, name in keys:
        by_host[host].append(name)
    by_units: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for host, names in sorted(by_host.items()):
        by_units[tuple(sorted(names))].append(host)
    return [f"{hosts_of(hosts)}: {_few(names, NAMES, 'units')}" for names, hosts in by_units.items()]


def _few(names: Sequence[str], limit: int, what: str) -> str:
    if len(names) <= limit:
        return ", ".join(names)
    return f"{len(names)} {what} ({', '.join(names[:2])}, ...)"


def _section(label: str, entries: list[str]) -> Iterable[str]:
    """Yield the entries beside their label, wrapped, with the number of those that are left out."""
    more = [f"and {len(entries) - ENTRIES} more like these"] if len(entries) > ENTRIES else []
    indent = " " * (LABEL + 2)
    for entry in [*entries[:ENTRIES], *more]:
        first = f"{label:<{LABEL}}  "
        label = ""
        yield from textwrap.wrap(
            entry, WIDTH, initial_indent=first, subsequent_indent=indent + "  ", break_on_hyphens=False
        )
