# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What to tell the plan about a queue's memory, from what its workers were seen to use.

docs/how-to/measure-memory.md says the same in words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .. import naming
from . import spec

# The app loads the same code in each process; only what it reads at import differs.
APP_HEADROOM = Fraction(11, 10)
# The largest task seen is not the largest there is. Kubernetes' VPA adds 15 % to the peaks of eight days
# (recommendation-margin-fraction); this has watched one life of a process.
TASK_HEADROOM = Fraction(5, 4)
# Where the kernel killed, the limit was measured and not the task.
KILLED_HEADROOM = Fraction(3, 2)
STEP_MB = 5
# When none of n tasks was larger than the largest seen, at most 3 in n are, with 95 % confidence: the rule of
# three (Hanley and Lippman-Hand, JAMA 1983). 300 tasks leave 1 in 100.
MIN_TASKS = 300
MIN_UPTIME = 3600


@dataclass(frozen=True)
class Sample:
    """One running instance: what memory_info saw on its host, and what its agent says. Memory in MB.

    :param app_mb: a process without tasks; None where only the agent knows and did not answer.
    :param task_mb: what the largest task added; None as above, and where no task has run.
    :param parent_mb, child_mb: the peak of the main process, and of the largest child; None where there is
        none.
    """

    queue: str
    pool: str
    tasks: int | None
    uptime: int
    app_mb: int | None
    task_mb: int | None
    parent_mb: int
    child_mb: int | None
    pss_mb: int | None
    peak_mb: int | None
    limit_mb: int | None
    oom_kills: int


@dataclass(frozen=True)
class Advice:
    """What to write for one queue; None where it is not known.

    :param doubts: why it is too early to write it.
    :param oom_kills: processes that the kernel ended at their limit: the task needs more than was measured.
    """

    app_memory_mb: int | None
    task_memory_mb: int | None
    doubts: tuple[str, ...]
    oom_kills: int


def sample(instance: Mapping[str, Any], node: Mapping[str, Any]) -> Sample | None:
    """Return an instance as it is judged; None when its name is no worker's.

    :param instance: as celeryops.systemd.memory_info returns it.
    :param node: the agent's report of its worker; empty when it gave none.
    """
    try:
        queue, pool, _number = naming.split_instance(instance["instance"])
    except ValueError:
        return None
    tasks: int | None = node.get("processed")
    parent = instance["parent"]["peak_mb"]
    children = [child["peak_mb"] for child in instance["children"]]
    app: int | None
    if pool == "prefork":
        # A child that was replaced is gone from /proc; its parent remembers the largest.
        child = max([*children, node.get("child_peak_mb") or 0])
        # A child begins with the parent's pages. That the two add up to the child is what the plan counts on.
        app, added = parent, max(child - parent, 0)
    else:
        # All tasks share the process: what each adds is known only on average over the most that ran at once.
        child, app = None, node.get("ready_mb") or None
        most = max(node.get("most_active") or 1, 1)
        added = None if app is None else math.ceil(max(parent - app, 0) / most)
    return Sample(
        queue=queue,
        pool=pool,
        tasks=tasks,
        uptime=instance["uptime"] or 0,
        app_mb=app,
        task_mb=added if tasks else None,
        parent_mb=parent,
        child_mb=child or None,
        pss_mb=instance["pss_mb"],
        peak_mb=instance["cgroup"]["peak_mb"],
        limit_mb=instance["cgroup"]["limit_mb"],
        oom_kills=instance["cgroup"]["oom_kills"],
    )


def advise(samples: Iterable[Sample], min_tasks: int = MIN_TASKS, min_uptime: int = MIN_UPTIME) -> Advice:
    """Return what to write for a queue, from all of its instances in the fleet.

    :param min_tasks: tasks that they must have run together.
    :param min_uptime: seconds that one of them must have been up.
    """
    seen = list(samples)
    apps = [one.app_mb for one in seen if one.app_mb is not None]
    tasks = [one.task_mb for one in seen if one.task_mb is not None]
    kills = sum(one.oom_kills for one in seen)
    headroom = KILLED_HEADROOM if kills else TASK_HEADROOM
    return Advice(
        app_memory_mb=_stepped(max(apps) * APP_HEADROOM) if apps else None,
        task_memory_mb=_stepped(max(tasks) * headroom) if tasks else None,
        doubts=tuple(_doubts(seen, min_tasks, min_uptime)),
        oom_kills=kills,
    )


def _doubts(seen: list[Sample], min_tasks: int, min_uptime: int) -> Iterable[str]:
    if not seen:
        yield "no instance runs"
        return
    if any(one.tasks is None for one in seen):
        yield "its workers could not all be asked"
    done, uptime = sum(one.tasks or 0 for one in seen), max(one.uptime for one in seen)
    if done < min_tasks:
        yield f"{done} of {min_tasks} tasks"
    if uptime < min_uptime:
        yield f"up {uptime} of {min_uptime} s"
    if done and any(one.app_mb is None or one.task_mb is None for one in seen if one.tasks):
        yield "its agent does not tell what it used at its start"


def _stepped(figure: Fraction) -> int:
    """Return the next multiple of the step, and never nothing."""
    return max(math.ceil(figure / STEP_MB), 1) * STEP_MB


def measured(
    queues: Mapping[str, Any],
    found: Mapping[str, Mapping[str, Any]],
    nodes: Mapping[str, Mapping[str, Any]],
    min_tasks: int = MIN_TASKS,
    min_uptime: int = MIN_UPTIME,
) -> dict[str, Any]:
    """Return the table's ``rows`` and ``notes``, and ``queues``: the inventory's with what is to be written.

    :param queues: `celery_worker_queues`.
    :param found: what memory_info returned, by host; without ``instances`` where it got no answer.
    :param nodes: the agent's report of each worker, by Celery's name.
    """
    by_queue: dict[str, list[Sample]] = {str(queue): [] for queue in queues}
    for result in found.values():
        for instance in result.get("instances", ()):
            one = sample(instance, nodes.get(instance["node"], {}))
            if one and one.queue in by_queue:
                by_queue[one.queue].append(one)
    rows: list[dict[str, Any]] = []
    notes: list[str] = []
    written: dict[str, Any] = {}
    for queue, samples in by_queue.items():
        said = queues[queue] or {}
        advice = advise(samples, min_tasks, min_uptime)
        rows += _rows(queue, said, samples, advice)
        kept = {key: value for key, value in said.items() if key not in spec.HIDDEN}
        written[queue] = kept | ({} if advice.doubts else _keys(advice))
        notes += [f"{queue}: keep its {key}, which is not shown" for key in said if key in spec.HIDDEN]
        if advice.doubts:
            notes.append(f"{queue}: not judged yet: {', '.join(advice.doubts)}")
        if advice.oom_kills:
            notes.append(f"{queue}: {advice.oom_kills} processes were killed at their limit: measure again")
    silent = [host for host, result in found.items() if "instances" not in result]
    if silent:
        notes.append(f"no answer from {', '.join(silent)}")
    return {"rows": rows, "notes": notes, "queues": written}


def _keys(advice: Advice) -> dict[str, int | None]:
    return {"app_memory_mb": advice.app_memory_mb, "task_memory_mb": advice.task_memory_mb}


def _rows(queue: str, said: Mapping[str, Any], seen: list[Sample], advice: Advice) -> list[dict[str, Any]]:
    """Return a row for each pool of a queue; what is to be written is the queue's, and in each of them."""
    default = spec.TASK_MEMORY_MB.get(said.get("workload") or "cpu", spec.TASK_MEMORY_MB["cpu"])
    values = {
        "queue": queue,
        "app": _move(said.get("app_memory_mb") or spec.APP_MEMORY_MB, advice.app_memory_mb, advice.doubts),
        "task": _move(said.get("task_memory_mb") or default, advice.task_memory_mb, advice.doubts),
    }
    rows = []
    for pool in sorted({one.pool for one in seen}):
        own = [one for one in seen if one.pool == pool]
        known = [one.tasks for one in own if one.tasks is not None]
        rows.append(
            {
                **values,
                "pool": pool,
                "units": len(own),
                "tasks": sum(known) if known else None,
                "hours": round(max(one.uptime for one in own) / 3600, 1),
                "parent": _most(one.parent_mb for one in own),
                "child": _most(one.child_mb for one in own),
                "pss": _most(one.pss_mb for one in own),
                "peak": _most(one.peak_mb for one in own),
                "limit": _most(one.limit_mb for one in own),
            }
        )
    return rows or [{"queue": queue}]


def _most(figures: Iterable[int | None]) -> int | None:
    return max((figure for figure in figures if figure is not None), default=None)


def _move(now: object, then: int | None, doubts: Sequence[str]) -> str:
    if then is None:
        return f"{now}"
    return f"{now} ({then}?)" if doubts else f"{now} → {then}"
