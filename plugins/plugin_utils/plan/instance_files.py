# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The files and units of a host's instances, from its plan."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypedDict

from ansible_collections.celeryops.systemd.plugins.module_utils import layout

from ..app.environment import environment_file
from . import spec

# What ansible_managed says in templates; it is not known outside of them.
MANAGED = "Ansible managed"

File = dict[str, Any]


def command_words(instance: Mapping[str, Any], log_destination: str) -> list[str]:
    """Return the words of the worker's command line that not every instance has.

    :param log_destination: ``journal`` or ``file``.
    """
    scale = instance["autoscale"]
    options = {
        "--autoscale": f"{scale['max']},{scale['min']}" if scale else None,
        "--prefetch-multiplier": instance["prefetch_multiplier"],
        "--max-tasks-per-child": instance["max_tasks_per_child"],
        "--max-memory-per-child": instance["max_memory_per_child_kb"],
        "--soft-time-limit": instance["soft_time_limit"],
        "--time-limit": instance["time_limit"],
        "--logfile": f"{layout.LOGS}/{instance['name']}.log" if log_destination == "file" else None,
    }
    words = [f"{option}={value}" for option, value in options.items() if value is not None]
    # Settings without an option of their own come last, as `celery worker` takes them.
    return [*words, *instance["arguments"], f"worker_proc_alive_timeout={instance['proc_alive_timeout']}"]


class WorkerService(TypedDict):
    """What the instances of a host are made of, as celeryops.systemd.managed_files and units take it."""

    files: list[File]
    units: list[dict[str, Any]]


def worker_service(
    instances: Sequence[Mapping[str, Any]],
    group: str,
    log_level: str,
    log_destination: str,
    queues: Mapping[str, object],
    drained: bool = False,
) -> WorkerService:
    """Return the environment files of each instance, what the scaler reads where one scales, and the units.

    :param instances: the plan's instances.
    :param group: the group of the service, which may read the files.
    :param log_destination: ``journal`` or ``file``.
    :param queues: those of the inventory. What may be a secret is in no plan: every host holds the plans.
    :param drained: whether the host is out for maintenance, and its instances rest.
    """
    scaled = [scale_file(instances, group)] if any(instance["scale"] for instance in instances) else []
    files = worker_files(instances, group, log_level, log_destination, queues)
    return {"files": [*files, *scaled], "units": worker_units(instances, drained)}


def worker_files(
    instances: Iterable[Mapping[str, Any]],
    group: str,
    log_level: str,
    log_destination: str,
    queues: Mapping[str, object],
) -> list[File]:
    """Return the environment files of each instance, that which nothing shows with ``diff`` off."""
    files: list[File] = []
    for instance in instances:
        name, hidden = instance["name"], _hidden_variables(_read(instance, queues))
        shown = _variables(instance, log_level, log_destination)
        own = {"owner": "root", "group": group, "mode": "0640"}
        files.append({"path": layout.environment_file(name), "content": environment_file(shown), **own})
        secret = {"path": layout.hidden_file(name), "content": environment_file(hidden), "diff": False}
        files.append({**secret, **own})
    return files


def _variables(instance: Mapping[str, Any], log_level: str, log_destination: str) -> dict[str, Any]:
    """Return the variables that an instance is started with."""
    return {
        "CELERY_NODE": instance["node"],
        "CELERY_POOL": instance["pool"],
        "CELERY_CONCURRENCY": instance["concurrency"],
        "CELERY_QUEUES": ",".join(instance["consumes"]),
        "CELERY_LOG_LEVEL": log_level,
        "CELERY_ARGUMENTS": " ".join(command_words(instance, log_destination)),
        "CELERYOPS_INSTANCE": instance["name"],
        **stop_variables(instance),
        **({"CELERYOPS_EXTRA": 1} if instance["scale"] else {}),
    }


def _hidden_variables(queue: spec.QueueSpec) -> dict[str, Any]:
    """Return the variables of a queue that no output, fact or plan shows."""
    return dict(queue.environment)


def _read(instance: Mapping[str, Any], queues: Mapping[str, object]) -> spec.QueueSpec:
    """Return the spec of an instance's queue.

    :raises ValueError: it is wrong; preflight refuses such.
    """
    queue = instance["queue"]
    read, wrong = spec.read(queue, queues[queue], instance["soft_time_limit"], instance["time_limit"])
    if read is None:
        raise ValueError("; ".join(problem.text(queue) for problem in wrong))
    return read


def scale_file(instances: Iterable[Mapping[str, Any]], group: str) -> File:
    """Return what the scaler reads: the thresholds of each queue that scales, its extra units in order."""
    queues: dict[str, dict[str, Any]] = {}
    for instance in instances:
        if instance["scale"]:
            new = {"consumes": instance["consumes"], **instance["scale"], "units": []}
            queues.setdefault(instance["queue"], new)["units"].append(instance["unit"])
    return {
        "path": layout.SCALE,
        "content": json.dumps(queues, indent=2) + "\n",
        "owner": "root",
        "group": group,
        "mode": "0640",
    }


def stop_variables(instance: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells a worker how to stop.

    To drain is Celery's warm shutdown; within a bound it is its soft one, which it has for SIGQUIT only.
    """
    if instance["stop_within"] is None:
        return {"CELERYOPS_STOP_CEILING": instance["stop_timeout"]}
    bounded = {"CELERYOPS_STOP_PROFILE": "bounded", "REMAP_SIGTERM": "SIGQUIT"}
    return {"CELERYOPS_STOP_CEILING": instance["stop_within"], **bounded}


def limit_files(plan: Mapping[str, Any]) -> list[File]:
    """Return celery.slice and the drop-in of each instance, as celeryops.systemd.managed_files takes files.

    :param plan: the host's plan.
    """
    bounds = plan["slice"]
    files = {layout.SLICE_FILE: _slice(bounds)}
    files |= {layout.limits_file(instance["name"]): _limits(instance) for instance in plan["instances"]}
    return [
        {
            "path": path,
            "content": f"# {MANAGED}\n" + "\n".join(lines) + "\n",
            "owner": "root",
            "group": "root",
            "mode": "0644",
        }
        for path, lines in files.items()
    ]


def _slice(bounds: Mapping[str, Any]) -> list[str]:
    return [
        "[Unit]",
        "Description=All that Celery runs on this host",
        "",
        "[Slice]",
        f"# {bounds['why']}",
        f"MemoryHigh={bounds['memory_high_mb']}M",
        f"MemoryMax={bounds['memory_max_mb']}M",
        f"MemorySwapMax={bounds['memory_swap_max_mb']}M",
        f"TasksMax={bounds['tasks_max']}",
    ]


def _limits(instance: Mapping[str, Any]) -> list[str]:
    why = instance["why"]
    return [
        "[Service]",
        f"# {why['memory_max_mb']}",
        f"MemoryHigh={instance['memory_high_mb']}M",
        f"MemoryMax={instance['memory_max_mb']}M",
        f"MemorySwapMax={instance['memory_swap_max_mb']}M",
        f"# {why['oom_policy']}",
        f"OOMPolicy={instance['oom_policy']}",
        f"CPUWeight={instance['cpu_weight']}",
        *([f"CPUQuota={instance['cpu_quota']}%"] if instance["cpu_quota"] else []),
        f"TasksMax={instance['tasks_max']}",
        f"LimitNOFILE={instance['limit_nofile']}",
        f"# {why['stop_timeout']}",
        f"TimeoutStopSec={instance['stop_timeout']}",
    ]


def worker_units(instances: Iterable[Mapping[str, Any]], drained: bool = False) -> list[dict[str, Any]]:
    """Return the wanted units.

    The slice is among them so that systemd reads it again when it changed; no instance restarts for it.
    Whether an extra instance runs is not decided here.
    """
    state, enabled = ("stopped", False) if drained else ("started", True)
    units: list[dict[str, Any]] = [{"name": layout.SLICE}]
    for instance in instances:
        inputs = list(layout.inputs_of(instance["unit"]))
        unit = {"name": instance["unit"], "state": state, "enabled": enabled, "inputs": inputs}
        units.append(unit | {"enabled": False, "optional": True} if instance["scale"] else unit)
    return units
