# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is decided about a unit, from what systemd says and what is wanted."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import layout, units
from ansible_collections.celeryops.systemd.plugins.module_utils.units import Action, Desired, Unit, decide

# As systemd 252 prints it, in its own order.
SHOWN = """\
MainPID=37
StatusText=consuming mail, 3 active
InvocationID=9f1c
Result=success
ExecMainStartTimestamp=Sat 2026-11-21 10:19:36.136945 UTC
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
ActiveEnterTimestamp=Sat 2026-11-21 10:19:36.255657 UTC
NeedDaemonReload=no

MainPID=0
StatusText=
Result=success
ExecMainStartTimestamp=
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
ActiveEnterTimestamp=
NeedDaemonReload=no

Result=success
LoadState=loaded
ActiveState=active
SubState=active
UnitFileState=static
ActiveEnterTimestamp=Sat 2026-11-21 10:19:36 UTC
NeedDaemonReload=yes
"""
STARTED = 1_795_256_376.136945
INPUT = "/etc/conf.d/celery/worker-mail-prefork.env"
WISH = Desired("w.service", "started", True, (INPUT,))
RUNNING = Unit(
    "w.service", "loaded", "active", "running", "success", "", 37, "9f1c", True, True, False, STARTED
)


def test_units_are_read_in_the_order_they_were_asked_for() -> None:
    worker, absent, slice_ = units.parse_show(["w.service", "x.service", "c.slice"], SHOWN).values()
    assert worker == replace(RUNNING, status="consuming mail, 3 active")
    assert (absent.load, absent.started, absent.can_enable) == ("not-found", None, True)
    assert (slice_.started, slice_.needs_reload, slice_.can_enable) == (int(STARTED), True, False)


def test_an_answer_with_fewer_units_than_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="3 units where 1"):
        units.parse_show(["w.service"], SHOWN)


@pytest.mark.parametrize(
    ("active", "sub", "verb"),
    [
        ("inactive", "dead", "start"),
        ("failed", "failed", "start"),
        ("deactivating", "stop-sigterm", "start"),
        ("activating", "auto-restart", "start"),
        ("activating", "auto-restart-queued", "start"),
        ("activating", "start", "wait"),
    ],
)
def test_what_does_not_run_starts_and_what_starts_is_waited_for(active: str, sub: str, verb: str) -> None:
    action = decide(WISH, replace(RUNNING, active=active, sub=sub), [], {INPUT: STARTED - 1})
    assert action is not None
    assert action.verb == verb


@pytest.mark.parametrize(("active", "sub"), [("active", "running"), ("reloading", "reload")])
def test_what_runs_with_old_inputs_is_left_alone(active: str, sub: str) -> None:
    assert decide(WISH, replace(RUNNING, active=active, sub=sub), ["/etc/other"], {INPUT: STARTED}) is None


def test_an_input_that_changed_in_this_run_restarts() -> None:
    assert decide(WISH, RUNNING, [INPUT], {}) == Action("w.service", "restart", f"{INPUT} changed")


def test_an_input_written_by_a_run_that_was_interrupted_restarts() -> None:
    action = decide(WISH, RUNNING, [], {INPUT: STARTED + 0.001})
    assert action == Action("w.service", "restart", f"{INPUT} is newer than its start")


def test_a_directory_as_input_stands_for_what_it_holds() -> None:
    want = Desired("w.service", "started", inputs=("/etc/w.d",))
    action = decide(want, RUNNING, ["/etc/w.d/50-limits.conf"], {})
    assert action is not None
    assert action.verb == "restart"
    assert decide(want, RUNNING, ["/etc/w.d.old"], {}) is None


def test_a_worker_that_still_starts_with_a_changed_input_is_restarted_and_not_waited_for() -> None:
    action = decide(WISH, replace(RUNNING, active="activating", sub="start"), [INPUT], {})
    assert action is not None
    assert action.verb == "restart"


@pytest.mark.parametrize(("active", "acts"), [("active", True), ("activating", True), ("failed", False)])
def test_stopping(active: str, acts: bool) -> None:
    action = decide(Desired("w.service", "stopped"), replace(RUNNING, active=active), [], {})
    assert bool(action) is acts


def test_only_what_runs_and_is_merely_stale_can_wait_for_its_restart() -> None:
    states = (("a", "started"), ("b", "restarted"), ("c", "started"))
    desired = [Desired(name, state) for name, state in states]
    now = {"a": RUNNING, "b": RUNNING, "c": replace(RUNNING, active="activating")}
    actions = [Action(name, "restart", "") for name in "abc"]
    assert units.deferrable(desired, now, actions) == ["a"]


@pytest.mark.parametrize(("active", "verb"), [("active", "restart"), ("failed", "start")])
def test_a_restart_that_is_asked_for_needs_no_other_reason(active: str, verb: str) -> None:
    action = decide(Desired("w.service", "restarted"), replace(RUNNING, active=active), [], {})
    assert action == Action("w.service", verb, "asked for")


@pytest.mark.parametrize("state", ["started", "restarted"])
def test_what_somebody_else_starts_and_stops_only_restarts(state: str) -> None:
    want = replace(WISH, state=state, optional=True)
    for active in ("inactive", "deactivating", "failed"):
        assert decide(want, replace(RUNNING, active=active, sub="dead"), [INPUT], {}) is None
    restart = decide(want, RUNNING, [INPUT], {})
    assert restart is not None
    assert restart.verb == "restart"
    assert decide(replace(want, state="stopped"), RUNNING, [], {}) is not None


def test_without_a_wished_state_nothing_happens() -> None:
    assert decide(Desired("w.service", enabled=True), replace(RUNNING, active="failed"), [INPUT], {}) is None


def test_the_time_of_a_link_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "release").touch()
    (tmp_path / "current").symlink_to("release")
    os.utime(tmp_path / "current", (1.0, 1000.0), follow_symlinks=False)
    (tmp_path / "dangling").symlink_to("nowhere")
    want = Desired("w", inputs=(f"{tmp_path}/current", f"{tmp_path}/missing", f"{tmp_path}/dangling"))
    times = units.input_times([want])
    assert times[f"{tmp_path}/current"] == 1000.0
    assert set(times) == {f"{tmp_path}/current", f"{tmp_path}/dangling"}


def test_a_slice_that_is_an_input_is_watched_for_its_need_of_a_reload() -> None:
    directory = layout.UNITS
    want = Desired("w@1.service", inputs=(f"{directory}/c.slice", f"{directory}/w@.service", INPUT))
    assert units.watched([want]) == ["w@1.service", "c.slice"]


def test_every_trace_of_an_instance_names_it(tmp_path: Path) -> None:
    (tmp_path / "worker-a-prefork.env").touch()
    (tmp_path / "celery-worker@b-solo.service.d").mkdir()
    (tmp_path / "worker-.env").touch()
    (tmp_path / "worker-a copy.env").touch()
    (tmp_path / f"worker-{'x' * 240}.env").touch()
    (tmp_path / "unrelated.env").touch()
    patterns = [f"{tmp_path}/worker-{{instance}}.env", f"{tmp_path}/celery-worker@{{instance}}.service.d"]
    loaded = units.parse_loaded(
        "celery-worker@c-gevent.service loaded failed   failed  Celery\n"
        "celery-worker@d-gone.service   loaded inactive dead    Celery\n"
    )
    assert units.instances("celery-worker@", patterns, loaded) == ["a-prefork", "b-solo", "c-gevent"]


@pytest.mark.parametrize(
    ("want", "unit", "times", "settled"),
    [
        (WISH, RUNNING, {INPUT: STARTED - 1}, True),
        (WISH, RUNNING, {INPUT: STARTED + 1}, False),
        (WISH, replace(RUNNING, active="failed"), {}, False),
        (WISH, replace(RUNNING, active="activating"), {}, False),
        (WISH, replace(RUNNING, enabled=False), {}, False),
        (WISH, replace(RUNNING, enabled=False, can_enable=False), {}, True),
        (WISH, replace(RUNNING, needs_reload=True), {}, False),
        (WISH, replace(RUNNING, load="masked"), {}, False),
        (replace(WISH, state="restarted"), RUNNING, {}, False),
        (replace(WISH, inputs=("/etc/systemd/system/c.slice",)), RUNNING, {}, False),
    ],
)
def test_a_unit_is_settled_where_nothing_has_to_happen(
    want: Desired, unit: Unit, times: dict[str, float], settled: bool
) -> None:
    """The slice of the last one was not looked at."""
    assert units.settled([want], {"w.service": unit}, times) is settled


def test_a_stray_file_is_no_unit_to_ask_about() -> None:
    assert units.worker_units(["mail-prefork", "mail copy", "a.b-solo-2"]) == [
        "celery-worker@mail-prefork.service",
        "celery-worker@a.b-solo-2.service",
    ]


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("celery-beat.service", "celery_beat_memory_max_mb"),
        ("celery-flower.service", "flower_memory_max_mb"),
        (
            "celery-worker@big-mail-prefork.service",
            "celery_worker_queues.<queue>.app_memory_mb of big-mail-prefork",
        ),
    ],
)
@pytest.mark.parametrize(
    ("result", "journal"),
    [("oom-kill", ""), ("timeout", "x: A process of this unit has been killed by the OOM killer.")],
)
def test_who_was_killed_for_its_memory_is_told_the_limit_and_the_variable(
    name: str, variable: str, result: str, journal: str
) -> None:
    said = units.killed_for_memory(replace(RUNNING, name=name, result=result), str(192 * 2**20), journal)
    assert said == (
        f"{name}: MemoryMax = 192M: the kernel killed it there, for it needs more than that; raise {variable}"
    )


def test_who_ended_otherwise_is_told_nothing_of_memory() -> None:
    failed = replace(RUNNING, name="celery-beat.service", result="exit-code")
    assert units.killed_for_memory(failed, str(2**20), "ImportError") == ""


def test_without_a_limit_of_its_own_the_host_was_full() -> None:
    killed = replace(RUNNING, name="redis-server.service", result="oom-kill")
    assert units.killed_for_memory(killed, "infinity", "") == (
        "redis-server.service: MemoryMax = infinity: the kernel killed it, for the memory of its slice or "
        "host is used up; give the host more, or its units less"
    )
