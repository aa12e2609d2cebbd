# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Queues that leave the fleet with their last host, and the tasks that would wait there for nobody."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from .. import naming
from ..inventory.problems import Problem, did_you_mean

VARIABLE = "celery_worker_leaving_queues"
# What may become of the tasks that wait in such a queue.
CHOICES = ("refuse", "wait")


def left(
    workers: Mapping[str, Collection[str]], groups: Mapping[str, Collection[str]], queues: Collection[str]
) -> dict[str, list[str]]:
    """Return the queues that no host of the inventory serves any more, and the hosts with traces of them.

    :param workers: the worker instances of which each host has any trace; other names are skipped.
    :param groups: the inventory's groups; queues: the names in celery_worker_queues.
    """
    found: dict[str, list[str]] = {}
    for host, instances in workers.items():
        for instance in instances:
            try:
                queue, _pool, _number = naming.split_instance(instance)
            except ValueError:
                continue
            served = queue in queues and groups.get(naming.group_of(queue))
            if not served and host not in found.setdefault(queue, []):
                found[queue].append(host)
    return dict(sorted((queue, hosts) for queue, hosts in found.items() if hosts))


def problems(
    leaving: Mapping[str, Collection[str]], depths: Mapping[str, int] | None, choice: object
) -> list[str]:
    """Return why the queues must not leave now: what waits in them, or that this is not known.

    :param leaving: as `left` returns it.
    :param depths: the messages in each queue; None where the broker did not tell.
    :param choice: what celery_worker_leaving_queues says.
    """
    hosts = next(iter(leaving.values()), ["localhost"])
    if choice not in CHOICES:
        wrong = Problem(VARIABLE, choice, "unknown word", did_you_mean(choice, CHOICES))
        return [wrong.text(min(hosts))] if leaving else []
    if choice == "wait":
        return []
    found = []
    for queue, its in leaving.items():
        depth = None if depths is None else depths.get(queue, 0)
        if depth == 0:
            continue
        what = "it leaves the inventory, and what waits in it is not known: the broker could not be asked"
        if depth:
            what = f"it leaves the inventory with {depth} tasks waiting, and nobody would run them"
        fix = f"let it run empty first, or leave them there for later: -e {VARIABLE}=wait"
        found.append(Problem(f"celery_queue_{queue}", "no host", what, fix).text(min(its)))
    return found
