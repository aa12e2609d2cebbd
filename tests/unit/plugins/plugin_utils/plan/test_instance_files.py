# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a plan becomes on a host: environment files, bounds and units."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import layout
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan import instance_files, planning
from ansible_collections.celeryops.systemd.plugins.plugin_utils.plan.instance_files import (
    File,
    limit_files,
    worker_service,
)

FACTS = {"celeryops": {"cores": 16, "memory_mb": 16384}}
QUEUES: dict[str, Any] = {
    "images": {"workload": "cpu", "max_tasks_per_child": 100, "arguments": ["--without-gossip", "-E"]},
    "mail-high": {"workload": "io", "consumes": ["mail-high", "mail"], "time_limit": 900},
    "sync": {"autoscale": True, "min_concurrency": 1, "max_concurrency": 3, "cpu_quota": 150},
}
SCALED = {**QUEUES, "bulk": {"pool": "threads", "scale": {"min_instances": 2, "max_instances": 4}}}
GROUPS = {
    "celery": ["w1"],
    "celery_beat": ["w1"],
    **{f"celery_queue_{queue.replace('-', '_')}": ["w1"] for queue in QUEUES},
}


@pytest.fixture(scope="module")
def host_plan() -> planning.HostPlan:
    return planning.worker_plan(QUEUES, "w1", GROUPS, FACTS, {})


def worker_files(
    plan_of: Mapping[str, Any], destination: str = "journal", queues: Mapping[str, Any] | None = None
) -> list[File]:
    return worker_service(plan_of["instances"], "shop", "WARNING", destination, queues or QUEUES)["files"]


def environments(
    host_plan: planning.HostPlan, destination: str = "journal", queues: Mapping[str, Any] | None = None
) -> dict[str, dict[str, str]]:
    return read(worker_files(host_plan, destination, queues))


def read(files: list[File], hidden: bool = False) -> dict[str, dict[str, str]]:
    """The variables of the files that are shown, or of the others."""
    assert {(file["owner"], file["group"], file["mode"]) for file in files} == {("root", "shop", "0640")}
    return {
        file["path"]: dict(word.split("=", 1) for word in shlex.split(file["content"]))
        for file in files
        if file.get("diff", True) is not hidden
    }


def test_a_stop_within_a_bound_is_celerys_soft_shutdown() -> None:
    queues = {"drained": {}, "bounded": {"stop_within": 45}}
    groups = {f"celery_queue_{queue}": ["w1"] for queue in queues}
    its_plan = planning.worker_plan(queues, "w1", groups, FACTS, {"time_limit": 100})
    found = environments(its_plan, queues=queues)
    drained, bounded = (found[f"/etc/conf.d/celery/worker-{queue}-prefork.env"] for queue in queues)
    assert (drained["CELERYOPS_STOP_CEILING"], bounded["CELERYOPS_STOP_CEILING"]) == ("130", "45")
    assert "REMAP_SIGTERM" not in drained
    assert (bounded["CELERYOPS_STOP_PROFILE"], bounded["REMAP_SIGTERM"]) == ("bounded", "SIGQUIT")
    units = {file["path"]: directives(file["content"]) for file in limit_files(its_plan)}
    stops = {path: unit.get("TimeoutStopSec") for path, unit in units.items()}
    assert stops[layout.limits_file("bounded-prefork")] == "75"


def directives(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if line[:1].isalpha())


def test_an_instance_gets_its_own_environment(host_plan: planning.HostPlan) -> None:
    found = environments(host_plan)
    instances = {instance["name"]: instance for instance in host_plan["instances"]}
    assert list(found) == [f"/etc/conf.d/celery/worker-{name}.env" for name in instances]
    mail = found["/etc/conf.d/celery/worker-mail-high-threads.env"]
    assert {key: value for key, value in mail.items() if key != "CELERY_ARGUMENTS"} == {
        "CELERY_NODE": "mail-high-threads@w1",
        "CELERY_POOL": "threads",
        "CELERY_CONCURRENCY": str(instances["mail-high-threads"]["concurrency"]),
        "CELERY_QUEUES": "mail-high,mail",
        "CELERY_LOG_LEVEL": "WARNING",
        "CELERYOPS_INSTANCE": "mail-high-threads",
        "CELERYOPS_STOP_CEILING": "930",
    }


def test_what_may_be_a_secret_has_a_file_of_its_own_that_nothing_shows(host_plan: planning.HostPlan) -> None:
    files = worker_files(host_plan)
    names = [instance["name"] for instance in host_plan["instances"]]
    assert read(files, hidden=True) == {f"/etc/conf.d/celery/environment-{name}.env": {} for name in names}


def test_the_environment_of_a_queue_is_in_its_workers_hidden_files_alone() -> None:
    variables = {"TOKEN": "s3cr3t\nand more", "DEBUG": False, "LEFT": None, "PYTHONPATH": "/srv/lib"}
    queues = {**QUEUES, "images": {"pools": ["prefork", "threads"], "environment": variables}}
    its_plan = planning.worker_plan(queues, "w1", GROUPS, FACTS, {})
    files = worker_files(its_plan, queues=queues)
    found = read(files, hidden=True)
    for pool in ("prefork", "threads"):
        assert found.pop(f"/etc/conf.d/celery/environment-images-{pool}.env") == {
            "TOKEN": "s3cr3t\nand more",
            "DEBUG": "false",
            "PYTHONPATH": "/opt/celery/agent:/srv/lib",
        }
    assert [*found.values()] == [{}, {}]
    # The plan is a fact of every host, a file, and what plan.yml and status.yml show.
    assert "s3cr3t" not in json.dumps(its_plan)
    assert "s3cr3t" not in str([file for file in files if "diff" not in file])


def test_the_command_line_says_what_the_plan_says(host_plan: planning.HostPlan) -> None:
    instances = {instance["name"]: instance for instance in host_plan["instances"]}
    images, mail = instances["images-prefork"], instances["mail-high-threads"]
    assert instance_files.command_words(images, "journal") == [
        "--prefetch-multiplier=1",
        "--max-tasks-per-child=100",
        f"--max-memory-per-child={images['max_memory_per_child_kb']}",
        "--soft-time-limit=270",
        "--time-limit=300",
        "--without-gossip",
        "-E",
        f"worker_proc_alive_timeout={images['proc_alive_timeout']}",
    ]
    assert instance_files.command_words(mail, "journal") == [
        "--prefetch-multiplier=1",
        f"--soft-time-limit={mail['soft_time_limit']}",
        "--time-limit=900",
        f"worker_proc_alive_timeout={mail['proc_alive_timeout']}",
    ]
    most = instances["sync-prefork"]["concurrency"]
    assert most > 1
    assert f"--autoscale={most},1" in instance_files.command_words(instances["sync-prefork"], "journal")


def test_a_log_file_is_asked_for_only_where_logs_go_to_files(host_plan: planning.HostPlan) -> None:
    for path, found in environments(host_plan, "file").items():
        name = path.removeprefix("/etc/conf.d/celery/worker-").removesuffix(".env")
        assert f"--logfile=/var/log/celery/{name}.log" in found["CELERY_ARGUMENTS"].split()
    assert "--logfile" not in str(environments(host_plan, "journal"))


def test_an_instance_is_bounded_by_its_numbers(host_plan: planning.HostPlan) -> None:
    files = {file["path"]: file for file in limit_files(host_plan)}
    assert {(file["owner"], file["group"], file["mode"]) for file in files.values()} == {
        ("root", "root", "0644")
    }
    for instance in host_plan["instances"]:
        drop_in = files[f"/etc/systemd/system/{instance['unit']}.d/50-limits.conf"]["content"]
        assert directives(drop_in.partition("[Service]")[2]) == {
            "MemoryHigh": f"{instance['memory_high_mb']}M",
            "MemoryMax": f"{instance['memory_max_mb']}M",
            "MemorySwapMax": "0M",
            **({"CPUQuota": "150%"} if instance["queue"] == "sync" else {}),
            "OOMPolicy": "continue",
            "CPUWeight": str(instance["cpu_weight"]),
            "TasksMax": str(instance["tasks_max"]),
            "LimitNOFILE": str(instance["limit_nofile"]),
            "TimeoutStopSec": str(instance["stop_timeout"]),
        }
    bounds = directives(files["/etc/systemd/system/celery.slice"]["content"].partition("[Slice]")[2])
    assert bounds == {
        "MemoryHigh": f"{host_plan['slice']['memory_high_mb']}M",
        "MemoryMax": f"{host_plan['slice']['memory_max_mb']}M",
        "MemorySwapMax": "0M",
        "TasksMax": str(host_plan["slice"]["tasks_max"]),
    }
    assert len(files) == len(host_plan["instances"]) + 1


def test_a_unit_restarts_for_its_own_files_and_for_what_all_read(host_plan: planning.HostPlan) -> None:
    units = worker_service(host_plan["instances"], "shop", "INFO", "journal", QUEUES)["units"]
    assert units[0] == {"name": "celery.slice"}
    by_name = {unit["name"]: unit for unit in units[1:]}
    assert list(by_name) == [instance["unit"] for instance in host_plan["instances"]]
    assert by_name["celery-worker@images-prefork.service"] == {
        "name": "celery-worker@images-prefork.service",
        "state": "started",
        "enabled": True,
        "inputs": [
            "/etc/systemd/system/celery-worker@.service",
            "/etc/conf.d/celery/worker-images-prefork.env",
            "/etc/conf.d/celery/environment-images-prefork.env",
            "/etc/systemd/system/celery-worker@images-prefork.service.d/50-limits.conf",
            *layout.APP_INPUTS,
        ],
    }


def test_what_is_written_for_an_instance_is_what_is_removed_with_it(host_plan: planning.HostPlan) -> None:
    """The module finds what is left of an instance by these paths, in files that the filters write."""
    written = {file["path"] for file in worker_files(host_plan, "file")}
    written |= {file["path"] for file in limit_files(host_plan)} - {layout.SLICE_FILE}
    for instance in host_plan["instances"]:
        removed = tuple(pattern.format(instance=instance["name"]) for pattern in layout.WORKER_TRACES)
        written = {path for path in written if not path.startswith(removed)}
    assert written == set()


@pytest.fixture(scope="module")
def scaled() -> list[Any]:
    groups = {**GROUPS, "celery_queue_bulk": ["w1"]}
    return list(planning.worker_plan(SCALED, "w1", groups, FACTS, {})["instances"])


def test_the_scaler_reads_what_is_extra_and_when_it_runs(scaled: list[Any]) -> None:
    file = worker_service(scaled, "shop", "INFO", "journal", SCALED)["files"][-1]
    assert (file["path"], file["mode"], file["group"]) == ("/etc/conf.d/celery/scale.json", "0640", "shop")
    assert json.loads(file["content"]) == {
        "bulk": {
            "consumes": ["bulk"],
            "min_instances": 2,
            "max_instances": 4,
            "up_depth": 100,
            "up_age": 60,
            "down_depth": 0,
            "cool_down": 120,
            "units": ["celery-worker@bulk-threads-3.service", "celery-worker@bulk-threads-4.service"],
        }
    }


def test_only_an_extra_instance_is_left_to_the_scaler(scaled: list[Any]) -> None:
    found = worker_service(scaled, "shop", "INFO", "journal", SCALED)["units"]
    units = {unit["name"]: unit for unit in found}
    second, third = (units[f"celery-worker@bulk-threads-{number}.service"] for number in (2, 3))
    assert (second["state"], second["enabled"], second.get("optional")) == ("started", True, None)
    assert (third["state"], third["enabled"], third["optional"]) == ("started", False, True)
    files = worker_files({"instances": scaled}, queues=SCALED)
    environment = {file["path"]: file["content"] for file in files}
    assert "CELERYOPS_EXTRA" not in environment["/etc/conf.d/celery/worker-bulk-threads-2.env"]
    assert 'CELERYOPS_EXTRA="1"' in environment["/etc/conf.d/celery/worker-bulk-threads-3.env"]


def test_on_a_drained_host_extra_instances_rest_too(scaled: list[Any]) -> None:
    units = worker_service(scaled, "shop", "INFO", "journal", SCALED, drained=True)["units"][1:]
    assert {(unit["state"], unit["enabled"]) for unit in units} == {("stopped", False)}
