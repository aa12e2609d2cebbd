# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a host remembers of a release that the fleet went back from: site.yml does not deploy it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """The release of a host.

    :param release: what it is to run.
    :param note: why that is not the inventory's; empty where it is.
    :param forget: whether what the host remembers has ended.
    """

    release: str
    note: str = ""
    forget: bool = False


def choose(packed: str, current: str, rolled_back: str, named: bool) -> Choice:
    """Return the release for a host.

    :param packed: the release that the inventory's source gives.
    :param current: the one that `current` names; empty on a host that has none.
    :param rolled_back: the one that the fleet went back from; empty without one.
    :param named: whether the operator asks for the packed one in this run, by its name or by playing deploy.
    """
    if packed == rolled_back and current not in ("", packed) and not named:
        note = (
            f"the fleet went back from release {packed} and stays on {current}: change the app, "
            f"or play deploy, or site with -e celery_app_release={packed}"
        )
        return Choice(current, note)
    return Choice(packed, forget=bool(rolled_back) and (packed == rolled_back or packed != current))
