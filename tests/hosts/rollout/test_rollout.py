"""Whatever the operator does to the fleet on purpose, no task is lost or run twice, and no queue waits alone.

The tests are one story: each begins with the fleet as the one before has left it. ROLLOUT_APP is the app,
ROLLOUT_TASKS how many tasks flow at least in each test, ROLLOUT_RATE how many a second, ROLLOUT_RECORD a file
for the figures.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from load.fleet import Fleet, Load, Unit, queues

PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SCENARIO = os.environ["MOLECULE_SCENARIO_NAME"]
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
LAB = PROJECT / "tests/lab/lab"
FLEET = Fleet(INVENTORY, PROJECT / ".cache/lab" / SCENARIO / "ssh_config")
ROTATIONS = 8


@dataclass(frozen=True)
class App:
    """What the story has to know of an app to break it.

    :param tasks: The module that gets a smoke task, and `decorator` what makes it one; `smoke` is its name.
    :param start: The module that Celery imports first.
    :param leaving: A queue that leaves the inventory; shrinking, one that loses a host.
    """

    name: str
    tasks: str
    decorator: str
    smoke: str
    start: str
    leaving: str
    shrinking: str

    @property
    def path(self) -> Path:
        return PROJECT / "tests/apps" / self.name


APPS = {
    "shop": App(
        "shop", "shop/orders.py", "shop.task", "shop.orders.check", "shop/celery.py", "reports", "images",
    ),
    "library": App(
        "library", "lending/tasks.py", "shared_task", "lending.tasks.check", "library/celery.py",
        "catalogue", "reminders",
    ),
}  # fmt: skip
APP = APPS[os.environ["ROLLOUT_APP"]]
MIX = json.loads((APP.path / "load.json").read_text())

SMOKE = f"\n\n@{APP.decorator}\ndef check() -> None:\n    {{body}}\n"
SMOKE_TASK = ("-e", f"rollout_smoke_task={APP.smoke}")
AT_START = """

from celery.signals import worker_init


@worker_init.connect(weak=False)
def at_start(**_):
    {body}
"""
ONLY_IN_A_WORKER = "import os; assert 'CELERYOPS_INSTANCE' not in os.environ, 'no price list'"


@pytest.fixture
def load(request: pytest.FixtureRequest) -> Iterator[Load]:
    """Tasks flow all the while; at the end every one has run once, and no queue was left alone."""
    record = os.environ.get("ROLLOUT_RECORD")
    tasks, rate = int(os.environ.get("ROLLOUT_TASKS", "300")), float(os.environ.get("ROLLOUT_RATE", "20"))
    what = request.node.name.removeprefix("test_")
    with Load(FLEET, what, MIX, tasks, rate, Path(record) if record else None) as flow:
        yield flow
    print(flow)
    assert flow.clean, str(flow)
    assert set(flow.alone) <= getattr(request, "param", set()), str(flow)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the app that a test may change."""
    return Path(shutil.copytree(APP.path, tmp_path / APP.name))


def append(source: Path, module: str, text: str) -> None:
    path = source / module
    path.write_text(path.read_text() + text)


def source_of(path: Path) -> list[str]:
    return ["-e", json.dumps({"celery_app_source": {"type": "directory", "path": str(path)}})]


def deploy(source: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return FLEET.play("deploy", *source_of(source), *arguments)


def units() -> dict[tuple[str, str], Unit]:
    return {(unit.host, unit.name): unit for unit in FLEET.units()}


def pids() -> dict[tuple[str, str], int]:
    return {key: unit.pid for key, unit in units().items()}


def releases() -> set[str]:
    return {unit.release for unit in units().values()}


def virtualenvs(host: str) -> set[str]:
    """Those that the releases of a host use; what else is there would be one too many."""
    command = "ls -d /opt/celery/venvs/*; readlink /opt/celery/releases/*/venv"
    return set(FLEET.hosts.run(host, ["sh", "-c", command]).split())


def assert_all_work() -> None:
    assert [unit for unit in units().values() if not unit.works] == []


@pytest.mark.usefixtures("load")
def test_a_rolling_restart() -> None:
    before = pids()
    done = FLEET.play("rolling_restart")
    assert done.returncode == 0, done.stdout
    after = pids()
    assert after.keys() == before.keys()
    assert [key for key in after if after[key] == before[key]] == []
    assert_all_work()


@pytest.mark.usefixtures("load")
def test_a_good_release(source: Path) -> None:
    append(source, APP.tasks, SMOKE.format(body="pass"))
    former = releases()
    done = deploy(source, *SMOKE_TASK)
    assert done.returncode == 0, done.stdout
    assert len(releases()) == 1
    assert releases() != former
    assert {len(virtualenvs(host)) for host in FLEET.workers} == {1}, "a change of code ran pip"
    assert_all_work()


def test_commands_before_the_switch(source: Path) -> None:
    """Once for the fleet, in the new release; where one fails the workers stay, by either play."""
    append(source, APP.tasks, SMOKE.format(body="return None"))
    former, before = releases(), pids()
    note = 'pwd >> /var/lib/celery/switched; test -n "$CELERY_BROKER_URL"'
    for play, last in (("deploy", "exit 3"), ("site", "exit 4")):
        commands = {
            "celery_app_before_switch": [["sh", "-c", note], ["sh", "-c", f"echo all {play}; {last}"]]
        }
        failed = FLEET.play(play, *source_of(source), "-e", json.dumps(commands))
        assert failed.returncode != 0, failed.stdout
        assert f"all {play}" in failed.stdout
        assert f"ended with exit status {last[-1]}" in " ".join(failed.stdout.split())
        assert (releases(), pids()) == (former, before)
    told = [
        FLEET.hosts.run(host, ["sh", "-c", "cat /var/lib/celery/switched || true"]) for host in FLEET.workers
    ]
    (release,) = {path for each in told for path in each.split()}
    assert "".join(told).split() == [release] * 2, "once by each play, in the release that was staged"
    assert release.rpartition("/releases/")[2].partition("/")[0] not in former
    ran = FLEET.play("run", "-e", json.dumps({"command": ["sh", "-c", "echo of $HOME; exit 7"]}))
    assert ran.returncode == 7, ran.stdout
    assert "of /var/lib/celery" in ran.stdout


def test_a_release_that_would_run_with_another_environment_is_refused() -> None:
    before = pids()
    other = {"celery_app_environment": {"PRICES": "new"}, "celery_app_settings": {"result_extended": True}}
    done = FLEET.play("deploy", "-e", json.dumps(other))
    assert done.returncode != 0, done.stdout
    for name in ("celery_app_target or celery_app_environment", "celery_app_settings or a limit"):
        assert f"worker1: {name} = (hidden)" in " ".join(done.stdout.split()), done.stdout
    assert set(re.findall(r"changed=(\d+)", done.stdout)) == {"0"}
    assert pids() == before


@pytest.mark.usefixtures("load")
def test_a_deploy_that_was_broken_off_is_finished_by_the_next(source: Path) -> None:
    append(source, APP.tasks, SMOKE.format(body="return"))
    FLEET.interrupt("deploy", *source_of(source), *SMOKE_TASK, when=lambda: len(releases()) > 1)
    done = deploy(source, *SMOKE_TASK)
    assert done.returncode == 0, done.stdout
    assert len(releases()) == 1
    assert_all_work()


def test_a_second_deploy_changes_nothing(source: Path) -> None:
    append(source, APP.tasks, SMOKE.format(body="return"))
    again = deploy(source, *SMOKE_TASK)
    assert again.returncode == 0, again.stdout
    assert set(re.findall(r"changed=(\d+)", again.stdout)) == {"0"}


@pytest.mark.usefixtures("load")
@pytest.mark.parametrize(
    ("module", "text", "words"),
    [
        (APP.start, "\nimport a_package_that_nobody_has\n", "a_package_that_nobody_has"),
        (APP.tasks, SMOKE.format(body="raise LookupError('no price list')"), "no price list"),
    ],
    ids=["import error", "fails its smoke task"],
)
def test_a_release_that_is_seen_to_be_broken(source: Path, module: str, text: str, words: str) -> None:
    before = pids()
    append(source, module, text)
    done = deploy(source, *SMOKE_TASK)
    assert done.returncode != 0, done.stdout
    assert words in done.stdout
    assert pids() == before, "no worker has seen it"
    assert_all_work()


@pytest.mark.usefixtures("load")
@pytest.mark.parametrize(
    ("module", "text", "words"),
    [
        (APP.start, AT_START.format(body="raise SystemExit('no price list')"), "no price list"),
        (APP.start, AT_START.format(body="import time; time.sleep(3600)"), "activating"),
        (APP.tasks, SMOKE.format(body=ONLY_IN_A_WORKER), "the smoke task failed: AssertionError"),
    ],
    ids=["dies at start", "hangs at start", "starts but fails its tasks"],
)
def test_a_release_that_breaks_in_the_workers(source: Path, module: str, text: str, words: str) -> None:
    if module != APP.tasks:
        append(source, APP.tasks, SMOKE.format(body="pass"))
    former = releases()
    append(source, module, text)
    done = deploy(source, *SMOKE_TASK)
    assert done.returncode != 0, done.stdout
    assert words in done.stdout
    assert "All went back to" in done.stdout
    assert releases() == former
    assert_all_work()


@pytest.mark.usefixtures("load")
def test_a_rollback() -> None:
    former = releases()
    done = FLEET.play("rollback")
    assert done.returncode == 0, done.stdout
    (release,) = releases()
    assert release not in former
    assert_all_work()
    named = FLEET.play("rollback", "-e", f"celery_app_release={former.pop()}")
    assert named.returncode == 0, named.stdout
    assert release not in releases()


def test_a_rollback_to_what_is_not_there_says_what_is() -> None:
    before = pids()
    done = FLEET.play("rollback", "-e", "celery_app_release=nonsense")
    assert done.returncode != 0
    assert all(release in done.stdout for release in releases())
    assert pids() == before


@pytest.mark.usefixtures("load")
def test_a_drained_host_rests_through_a_reboot_and_site_until_it_is_put_back() -> None:
    def of_worker2() -> list[Unit]:
        return [unit for unit in FLEET.units() if unit.host == "worker2"]

    done = FLEET.play("drain", "--limit=worker2")
    assert done.returncode == 0, done.stdout
    assert {(unit.state, unit.enabled) for unit in of_worker2()} == {("inactive", False)}
    for action in ("stop", "start"):
        subprocess.run([LAB, "fault", f"--name={SCENARIO}", action, "worker2"], check=True)
    site = FLEET.play("site", "--limit=worker2")
    assert site.returncode == 0, site.stdout
    assert {unit.state for unit in of_worker2()} == {"inactive"}
    back = FLEET.play("undrain", "--limit=worker2")
    assert back.returncode == 0, back.stdout
    assert {(unit.works, unit.enabled) for unit in of_worker2()} == {(True, True)}


def test_the_last_worker_of_a_queue_is_not_drained() -> None:
    done = FLEET.play("drain", "--limit=worker1,worker2")
    assert done.returncode != 0
    assert "nobody else consumes queue" in done.stdout
    assert_all_work()


@pytest.fixture
def smaller(tmp_path: Path) -> Path:
    """The inventory without one queue, and with fewer hosts for another."""
    command = ["ansible-inventory", "-i", str(INVENTORY), "--list", "--export"]
    inventory = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    hosts = inventory.pop("_meta")["hostvars"]
    del inventory["all"]
    del inventory[f"celery_queue_{APP.leaving}"]
    inventory["celery"]["children"].remove(f"celery_queue_{APP.leaving}")
    del inventory["celery"]["vars"]["celery_worker_queues"][APP.leaving]
    inventory["celery"]["vars"]["celery_app_foreign_queues"] = [APP.leaving]
    inventory[f"celery_queue_{APP.shrinking}"]["hosts"] = ["worker1"]
    for group in inventory.values():
        group["hosts"] = {host: hosts[host] for host in group.get("hosts", ())}
        group["children"] = {child: {} for child in group.get("children", ())}
    path = tmp_path / "hosts.json"
    path.write_text(json.dumps(inventory))
    return path


@pytest.mark.parametrize("load", [{APP.leaving}], indirect=True)
@pytest.mark.usefixtures("load")
def test_a_queue_leaves_and_another_shrinks_and_both_come_back(smaller: Path) -> None:
    before = queues(FLEET.units())
    done = FLEET.play("site", "-e", "celery_worker_leaving_queues=wait", inventory=smaller)
    assert done.returncode == 0, done.stdout
    assert queues(FLEET.units()) == before - {APP.leaving}
    assert {unit.host for unit in FLEET.units() if APP.shrinking in unit.name} == {"worker1"}
    assert_all_work()
    back = FLEET.play("site")
    assert back.returncode == 0, back.stdout
    assert queues(FLEET.units()) == before
    assert_all_work()


@pytest.mark.usefixtures("load")
def test_log_files_rotate() -> None:
    before = pids()
    for _turn in range(ROTATIONS):
        for host in FLEET.workers:
            FLEET.hosts.run(host, ["/usr/sbin/logrotate", "--force", "/etc/logrotate.d/celery"])
    assert pids() == before
