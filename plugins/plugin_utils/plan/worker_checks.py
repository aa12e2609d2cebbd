# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wrong with what the inventory asks of the workers, told before anything is touched.

`host_problems` is for every host; the others concern the fleet, and one host of the play tells them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .. import naming
from ..inventory import timers
from ..inventory.names import shown
from ..inventory.problems import Problem, did_you_mean
from . import budget, planning, spec
from .sizing import Instance

FLEET = "celery"
ROLE_GROUPS = ("celery_beat", "celery_broker", "celery_flower")
VISIBILITY_VARIABLE = "celery_app_visibility_timeout"
CONSUMER_VARIABLE = "broker_rabbitmq_consumer_timeout"
COUNTDOWN_VARIABLE = "celery_app_longest_countdown"


def host_problems(
    queues: Mapping[str, object],
    host: str,
    groups: Mapping[str, Sequence[str]],
    facts: Mapping[str, object],
    defaults: Mapping[str, object],
) -> list[Problem]:
    """Return why the host could not be planned, or would run a task twice.

    :param queues: `celery_worker_queues`.
    :param groups, facts: Ansible's `groups` and `ansible_facts`.
    :param defaults: as for `plan.worker_plan`, with `visibility_timeout` and `longest_countdown` (s),
        `acks_late`.
    """
    fleet = planning.Fleet(queues, groups, defaults)
    settings = fleet.settings
    soft, hard = (
        timers.Timer(planning.SOFT_VARIABLE, settings.soft),
        timers.Timer(planning.HARD_VARIABLE, settings.hard),
    )
    instances, wrong = fleet.instances(host)
    clashing = timers.refused(timers.Timers(soft=soft, hard=hard)) + wrong + _redelivered(instances, defaults)
    problems = fleet.problems + clashing + _dropped(instances, defaults)
    known, unknown = budget.read_host(host, facts, groups)
    problems += unknown
    if known and not wrong:
        problems += planning.too_small(known, budget.reserve(known, settings.reserve), instances)
    return problems


def fleet_problems(queues: Mapping[str, object], groups: Mapping[str, Sequence[str]]) -> list[Problem]:
    """Return what is wrong between the queues and the inventory's groups."""
    named = sorted(str(queue) for queue in queues)
    by_group = {naming.group_of(queue): queue for queue in named}
    problems = [problem for queue in named for problem in _queue_problems(queue, queues.get(queue), groups)]
    for names in naming.collisions(named):
        what = f"these queues share the group {naming.group_of(names[0])}"
        problems.append(Problem(spec.VARIABLE, ", ".join(names), what, "rename all but one of them"))
    for group in sorted(groups):
        if group.startswith(naming.GROUP_PREFIX) and group not in by_group:
            nearest = did_you_mean(group, by_group) if by_group else "no queue is set yet"
            fix = f"add the queue to {spec.VARIABLE} or rename the group; {nearest}"
            what = f"no queue of {spec.VARIABLE} has this group"
            problems.append(Problem(f"group {group}", list(groups[group]), what, fix))
        if group.startswith(naming.GROUP_PREFIX) or group in ROLE_GROUPS:
            strangers = sorted(set(groups[group]) - set(groups.get(FLEET) or ()))
            if strangers and FLEET in groups:
                what = f"{', '.join(strangers)} would be missed: site.yml plays on the group {FLEET}"
                fix = f"make {group} a child of {FLEET}"
                problems.append(Problem(f"group {group}", list(groups[group]), what, fix))
    return problems


def _queue_problems(queue: str, raw: object, groups: Mapping[str, Sequence[str]]) -> list[Problem]:
    """Return why a queue cannot be named so, or that nobody serves it."""
    variable = f"{spec.VARIABLE}.{queue}"
    if not naming.is_queue_name(queue):
        what = "the name of the queue cannot be part of a unit's name"
        fix = f"use at most {naming.LONGEST_QUEUE} letters, digits, _, . and -; "
        fix += "what the broker calls it goes into consumes"
        return [Problem(variable, shown(spec.VARIABLE, raw), what, fix)]
    group = naming.group_of(queue)
    hosts = groups.get(group)
    if hosts:
        ordered = isinstance(raw, Mapping) and raw.get("order") == "strict"
        if not ordered or len(set(hosts)) == 1:
            return []
        fix = f"leave one host in {group}"
        return [Problem(f"{variable}.order", "strict", f"{len(set(hosts))} hosts serve it at a time", fix)]
    what = f"no host serves it: the group {group} is {'empty' if group in groups else 'missing'}"
    value, fix = shown(spec.VARIABLE, raw or {}), f"put hosts into {group}, or remove the queue"
    return [Problem(variable, value, what, fix)]


def unserved_problems(
    queues: Mapping[str, object],
    groups: Mapping[str, Sequence[str]],
    hosts: Sequence[str],
    defaults: Mapping[str, object],
) -> list[Problem]:
    """Return what is wrong with the queues that none of the hosts serves, and so none would tell."""
    settings, _told_by_each = planning.read_defaults(defaults)
    return [
        problem
        for queue in sorted(queues, key=str)
        if not set(hosts) & set(groups.get(naming.group_of(str(queue))) or ())
        for problem in spec.read(str(queue), queues[queue], settings.soft, settings.hard)[1]
    ]


def _dropped(instances: Sequence[Instance], defaults: Mapping[str, object]) -> list[Problem]:
    """Return the queues whose running tasks a bounded stop would lose."""
    if defaults.get("acks_late", True) is not False:
        return []
    bounded = {instance.spec.queue: instance.spec.stop_within for instance in instances}
    what = "with celery_app_settings.task_acks_late = false a task that is cut short is lost"
    fix = "leave acks late, or remove stop_within: a stop then waits for its tasks"
    return [
        Problem(f"{spec.VARIABLE}.{queue}.stop_within", seconds, what, fix)
        for queue, seconds in bounded.items()
        if seconds is not None
    ]


def _redelivered(instances: Sequence[Instance], defaults: Mapping[str, object]) -> list[Problem]:
    """Return the queues whose tasks outlast the visibility timeout, or RabbitMQ's consumer timeout."""
    consumer = timers.Timer(CONSUMER_VARIABLE, spec.whole(defaults.get("consumer_timeout")) or 0)
    visibility = timers.Timer(VISIBILITY_VARIABLE, spec.whole(defaults.get("visibility_timeout")) or 0)
    countdown = timers.Timer(COUNTDOWN_VARIABLE, spec.whole(defaults.get("longest_countdown")) or 0)
    hard = {instance.spec.queue: instance.spec.time_limit for instance in instances}
    return [
        problem
        for queue, seconds in hard.items()
        for problem in timers.refused(
            timers.Timers(
                hard=timers.Timer(f"{spec.VARIABLE}.{queue}.time_limit", seconds),
                visibility=visibility,
                consumer=consumer,
                countdown=countdown,
            )
        )
    ]
