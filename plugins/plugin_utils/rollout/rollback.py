# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The release that a fleet rolls back to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..inventory.problems import Problem

VARIABLE = "celery_app_release"


@dataclass(frozen=True)
class Kept:
    """What a host has.

    :param current: the release that `current` names; empty without one.
    :param releases: those that are complete, newest first.
    :param deployed: those of them that the fleet has run; one that was staged and went back is not among
        them.
    :param running: those that its units run.
    """

    current: str
    releases: Sequence[str]
    deployed: Sequence[str]
    running: frozenset[str] = frozenset()


def target(hosts: Mapping[str, Kept], wanted: str) -> tuple[str, list[str]]:
    """Return the release to roll back to, or an empty one and why there is none.

    :param wanted: the release that the operator names; empty for the one before that which runs.
    """
    if wanted:
        lacking = {host: kept for host, kept in hosts.items() if wanted not in kept.releases}
        problems = [_lacking(host, kept, wanted) for host, kept in lacking.items()]
        return ("" if problems else wanted, problems)
    # A run that was interrupted has left two releases running: to complete it is to leave the newer one.
    running = frozenset().union(*(kept.running | {kept.current} for kept in hosts.values()))
    before = {host: _before(kept, running) for host, kept in hosts.items()}
    problems = [_none(host, hosts[host]) for host, release in before.items() if not release]
    if not problems and len(set(before.values())) > 1:
        problems = [_differs(host, release) for host, release in before.items()]
    return ("" if problems else next(iter(before.values()), ""), problems)


def _before(kept: Kept, running: frozenset[str]) -> str:
    """Return the release before the newest that runs in the fleet."""
    newest = next((index for index, name in enumerate(kept.releases) if name in running), None)
    older = [] if newest is None else kept.releases[newest + 1 :]
    return next((name for name in older if name in kept.deployed), "")


def _choice(kept: Kept) -> str:
    return ", ".join(kept.releases) or "none"


def _lacking(host: str, kept: Kept, wanted: str) -> str:
    what = f"this host does not keep it; it has {_choice(kept)}"
    return Problem(VARIABLE, wanted, what, "name one of those, or deploy it").text(host)


def _none(host: str, kept: Kept) -> str:
    what = f"there is none before {kept.current or 'the first'}; this host has {_choice(kept)}"
    return Problem(VARIABLE, "", what, "deploy the one that you want").text(host)


def _differs(host: str, release: str) -> str:
    what = f"here the one before is {release}, and not so on every host"
    return Problem(VARIABLE, "", what, f"name the one for all: -e {VARIABLE}={release}").text(host)
