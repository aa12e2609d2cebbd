# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What of the fleet a host still has although the inventory no longer puts it there."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from ansible_collections.celeryops.systemd.plugins.module_utils import layout


def leaving(
    host: str,
    groups: Mapping[str, Collection[str]],
    instances: Sequence[object],
    units: Collection[str],
    workers: Collection[str],
) -> list[str]:
    """Return the roles whose traces have to go from the host, in the order in which they go.

    :param instances: those that the plan puts on the host.
    :param units: the unit files of this collection that the host has.
    :param workers: the worker instances of which the host has any trace.
    """
    beat, flower = (host in groups.get(group, ()) for group in ("celery_beat", "celery_flower"))
    unwanted = {
        "celery_worker": bool(workers) and not instances,
        "celery_beat": layout.BEAT in units and not beat,
        "flower": layout.FLOWER in units and not flower,
        "resource_limits": layout.SLICE in units and not (instances or beat or flower),
    }
    return [role for role, goes in unwanted.items() if goes]
