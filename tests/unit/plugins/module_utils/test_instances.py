"""What a host's units do, from what systemd prints of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils.instances import (
    describe,
    instance_of,
    newer_than_start,
    parse_environment,
    parse_show,
    release_of,
    state_of,
    timers_of,
    well,
)

SHOW = """Id=celery-worker@mail-threads.service
LoadState=loaded
ActiveState=active
SubState=running
Result=success
StatusText=consuming mail, 3 active
MainPID=4242
NRestarts=1
MemoryCurrent=104857600
UnitFileState=enabled
ActiveEnterTimestampMonotonic=90000000

Id=celery-beat.service
LoadState=loaded
ActiveState=failed
SubState=failed
Result=exit-code
StatusText=
MainPID=0
NRestarts=5
MemoryCurrent=[not set]
UnitFileState=disabled
ActiveEnterTimestampMonotonic=0
"""


def test_a_worker_that_consumes() -> None:
    environment = {
        "CELERY_QUEUES": "mail,bulk",
        "CELERY_CONCURRENCY": "50",
        "CELERY_NODE": "mail-threads@worker1",
        "CELERYOPS_STOP_CEILING": "330",
    }
    assert describe(parse_show(SHOW)[0], environment, "3fa9c1d20b77", 100.0) == {
        "unit": "celery-worker@mail-threads.service",
        "instance": "mail-threads",
        "state": "consuming",
        "active": True,
        "extra": False,
        "enabled": True,
        "status": "consuming mail, 3 active",
        "result": "success",
        "pid": 4242,
        "restarts": 1,
        "memory_mb": 100,
        "uptime": 10,
        "release": "3fa9c1d20b77",
        "node": "mail-threads@worker1",
        "queues": ["mail", "bulk"],
        "concurrency": 50,
        "stop_timeout": 330,
    }


def test_a_failed_beat_has_nothing_it_does_not_have() -> None:
    found = describe(parse_show(SHOW)[1], {}, None, 100.0)
    assert (found["state"], found["active"], found["enabled"], found["pid"]) == ("failed", False, False, None)
    assert (found["memory_mb"], found["uptime"], found["queues"]) == (None, None, [])


def test_a_worker_rests_only_where_its_host_is_drained() -> None:
    worker, beat = (entry | {"ActiveState": "inactive", "StatusText": ""} for entry in parse_show(SHOW))
    assert describe(worker, {}, None, 100.0)["state"] == "stopped"
    assert describe(worker, {}, None, 100.0, drained=True)["state"] == "drained"
    assert describe(beat, {}, None, 100.0, drained=True)["state"] == "stopped"
    extra = describe(worker, {"CELERYOPS_EXTRA": "1"}, None, 100.0)
    assert (extra["state"], extra["extra"]) == ("spare", True)
    assert describe(worker, {"CELERYOPS_EXTRA": "1"}, None, 100.0, drained=True)["state"] == "drained"
    assert describe(parse_show(SHOW)[0], {}, None, 100.0, drained=True)["state"] == "consuming"


def test_a_worker_is_well_when_it_consumes_and_another_unit_when_it_is_active() -> None:
    worker, beat = parse_show(SHOW)
    waiting = worker | {"StatusText": "waiting for the broker"}
    assert [well(describe(one, {}, None, 100.0)) for one in (worker, waiting)] == [True, False]
    running = beat | {"ActiveState": "active"}
    assert [well(describe(one, {}, None, 100.0)) for one in (beat, running)] == [False, True]


@pytest.mark.parametrize(
    ("active", "sub", "status", "state"),
    [
        ("active", "running", "", "running"),
        ("active", "running", "consuming mail, 3 active", "consuming"),
        ("active", "running", "waiting for the broker, 2 active", "waiting for the broker"),
        ("active", "running", "not consuming: its loop has not turned for 12 s", "not consuming"),
        ("activating", "start", "", "starting"),
        ("activating", "auto-restart", "consuming mail, 3 active", "restarting"),
        ("deactivating", "stop-sigterm", "draining, 3 tasks left", "draining"),
        ("deactivating", "stop-sigterm", "", "stopping"),
        ("inactive", "dead", "consuming mail, 3 active", "stopped"),
        ("failed", "failed", "consuming mail, 3 active", "failed"),
    ],
)
def test_the_state_is_the_agents_word_only_while_a_process_lives(
    active: str, sub: str, status: str, state: str
) -> None:
    unit = {"Id": "celery-worker@mail-threads.service", "ActiveState": active, "SubState": sub}
    lives = active not in ("inactive", "failed") and sub != "auto-restart"
    assert state_of(unit | {"StatusText": status, "MainPID": "42" if lives else "0"}) == state


def test_what_another_unit_says_of_itself_is_not_a_state() -> None:
    redis = {"Id": "redis-server.service", "ActiveState": "active", "MainPID": "42", "StatusText": "Ready"}
    assert state_of(redis) == "running"


def test_a_unit_that_systemd_does_not_know_is_missing() -> None:
    assert (
        state_of({"Id": "celery-beat.service", "LoadState": "not-found", "ActiveState": "inactive"})
        == "missing"
    )


def test_an_environment_file_is_read_as_systemd_reads_it() -> None:
    text = "# why\n\nA=plain value\nB='it has = and spaces'\nC=\"x\"\nnonsense\nD=\n"
    assert parse_environment(text) == {"A": "plain value", "B": "it has = and spaces", "C": "x", "D": ""}


@pytest.mark.parametrize(
    ("unit", "instance"),
    [
        ("celery-worker@mail-eu-threads.service", "mail-eu-threads"),
        ("celery-beat.service", "beat"),
        ("celery-flower.service", "flower"),
        ("redis-server.service", "redis-server"),
    ],
)
def test_an_instance_has_the_name_that_people_use(unit: str, instance: str) -> None:
    assert instance_of(unit) == instance


def test_the_release_is_the_one_that_the_process_runs(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cwd").symlink_to("/opt/celery/releases/3fa9c1d20b77/app")
    (tmp_path / "8").mkdir()
    (tmp_path / "8" / "cwd").symlink_to("/srv/shop/app")
    assert release_of(7, tmp_path) == "3fa9c1d20b77"
    assert release_of(8, tmp_path) is None
    assert release_of(9, tmp_path) is None


def test_what_was_written_after_a_unit_had_started(tmp_path: Path) -> None:
    paths = {name: tmp_path / name for name in ("before", "after", "absent")}
    for name, written in {"before": 999.0, "after": 1001.5}.items():
        paths[name].touch()
        os.utime(paths[name], (written, written))
    link = tmp_path / "link"
    link.symlink_to(paths["after"])
    os.utime(link, (998.0, 998.0), follow_symlinks=False)
    # It started at 50 s of the host's monotonic clock, which is 60 s now: 10 s ago, at 1000.
    unit = {"ActiveState": "active", "ExecMainStartTimestampMonotonic": "50000000"}
    reads = [*paths.values(), link]
    assert newer_than_start(unit, reads, 60.0, 1010.0) == [str(paths["after"])]
    assert newer_than_start(unit | {"ActiveState": "failed"}, reads, 60.0, 1010.0) == []


def test_of_the_settings_only_the_timers_are_told(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    assert timers_of(path) == {}
    options = {"visibility_timeout": 3600, "password": "secret"}
    settings = {"task_time_limit": 300, "key": "secret", "broker_transport_options": options}
    path.write_text(json.dumps(settings))
    assert timers_of(path) == {"task_time_limit": 300, "visibility_timeout": 3600}
