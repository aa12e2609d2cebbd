# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One run at a time changes a host: who may take the lock, and that of many at once one gets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import run_lock
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import holder

NAMES_OF_USERS = ("LOGNAME", "USER", "LNAME", "USERNAME")
ALICE: dict[str, Any] = {
    "run": "a" * 16, "user": "alice", "controller": "laptop", "pid": 1, "play": "the play 'x'",
}  # fmt: skip
BOB = {**ALICE, "run": "b" * 16, "user": "bob"}


# A task's process as ansible-playbook forks it; the run is killed before the task looks whose it is.
ORPHAN = """
import multiprocessing, os, signal, sys, time
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import holder

def task(run, ends):
    while ends and os.getppid() == run:
        time.sleep(0.01)
    try:
        print("the run" if holder.playing() == run else "another", flush=True)
    except holder.EndedError:
        print("it has ended", flush=True)

ends = sys.argv[1] == "1"
child = multiprocessing.get_context("fork").Process(target=task, args=[os.getpid(), ends])
child.start()
if ends:
    os.kill(os.getpid(), signal.SIGKILL)
child.join()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "celeryops.lock"


def test_a_second_run_is_told_who_holds_the_host(lock: Path) -> None:
    assert run_lock.take(ALICE, lock=lock) == {}
    found = run_lock.take(BOB, lock=lock)
    assert (found["run"], found["user"]) == (ALICE["run"], "alice")
    said = holder.refusal("web1", found)
    assert said.startswith("web1: lock = alice@laptop, the play 'x', pid 1, since 20")
    assert "-e run_lock_break=true" in said
    assert run_lock.read(lock)["run"] == ALICE["run"]


@pytest.mark.parametrize(
    "words",
    [{"broken": True}, {"ended": ALICE["run"]}],
    ids=["broken by hand", "its process has ended"],
)
def test_it_can_be_taken_over(lock: Path, words: dict[str, Any]) -> None:
    run_lock.take(ALICE, lock=lock)
    assert run_lock.take(BOB, lock=lock, **words) == {}
    assert run_lock.take(ALICE, lock=lock)["user"] == "bob"


def remaining(lock: Path) -> float:
    """Return for how many seconds from now the lock is held."""
    return float(run_lock.read(lock)["until"]) - time.time()


def test_a_run_takes_its_own_again_and_keeps_since_when(lock: Path) -> None:
    run_lock.take(ALICE, lease=10, lock=lock)
    before = run_lock.read(lock)
    assert run_lock.take(ALICE, lease=9000, lock=lock) == {}
    assert run_lock.read(lock)["since"] == before["since"]
    assert 8900 < remaining(lock) <= 9000


def test_who_only_looks_holds_it_for_minutes_and_who_changes_for_its_lease(lock: Path) -> None:
    """So a run that is refused keeps the hosts from others for minutes at most, wherever they come from."""
    run_lock.take(ALICE, lease=7200, lock=lock)
    assert remaining(lock) <= run_lock.LEASE_TO_LOOK
    assert run_lock.keep(ALICE["run"], lock=lock) == {}
    assert 7100 < remaining(lock) <= 7200
    assert run_lock.keep(ALICE["run"], seconds=10_000, lock=lock) == {}
    assert 17_100 < remaining(lock) <= 17_200
    assert run_lock.keep(ALICE["run"], lock=lock) == {}
    assert remaining(lock) > 17_100


def test_a_run_that_has_lost_its_lock_is_told_and_changes_nothing(lock: Path) -> None:
    """Its lease was over, or it was broken; what it knows of the host is old even once the other ended."""
    run_lock.take(ALICE, lease=-1, lock=lock)
    assert run_lock.take(BOB, lease=-1, lock=lock) == {}
    before = lock.read_text()
    found = run_lock.keep(ALICE["run"], lock=lock)
    assert found["user"] == "bob"
    said = run_lock.lost(found)
    assert "bob@laptop" in said
    assert "it has taken this host from this run" in said
    assert lock.read_text() == before


def test_it_is_told_too_once_the_other_run_has_released_the_host(lock: Path) -> None:
    run_lock.take(ALICE, lock=lock)
    run_lock.take(BOB, broken=True, lock=lock)
    lock.unlink()  # as playbooks/tasks/unlock.yml does
    assert run_lock.keep(ALICE["run"], lock=lock)["user"] == "bob"
    assert run_lock.keep(BOB["run"], lock=lock) == {}
    assert not lock.exists()


def test_a_host_that_was_rebooted_and_a_run_without_a_lock_go_on(lock: Path) -> None:
    assert run_lock.keep(ALICE["run"], lock=lock) == {}
    assert not lock.exists()
    run_lock.take(ALICE, lock=lock)
    assert run_lock.keep("", lock=lock) == {}
    assert run_lock.read(lock)["run"] == ALICE["run"]


def test_what_cannot_be_read_is_no_lock(lock: Path) -> None:
    for text in ("", "{", "[]", "{}"):
        lock.write_text(text)
        assert run_lock.take(ALICE, lock=lock) == {}
        lock.unlink()


def test_of_many_at_once_one_gets_it(lock: Path) -> None:
    """In processes of their own, as on a host."""
    program = (
        "import json, sys; from pathlib import Path; "
        "from ansible_collections.celeryops.systemd.plugins.module_utils import run_lock; "
        "print(json.dumps(run_lock.take({'run': sys.argv[1]}, lock=Path(sys.argv[2]))))"
    )

    def one(number: int) -> Any:
        command = [sys.executable, "-c", program, f"run-{number}", str(lock)]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(one, range(8)))
    assert found.count({}) == 1
    assert {each["run"] for each in found if each} == {run_lock.read(lock)["run"]}


def test_a_controller_tells_its_own_ended_runs_from_those_that_go_on() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        mine = holder.holder(process.pid, "x")
        assert not holder.has_ended(mine)
        process.kill()
    assert holder.has_ended(mine)
    assert not holder.has_ended({**mine, "place": "another controller"})
    assert holder.has_ended({**holder.holder(os.getpid(), "x"), "start": "an earlier process of this number"})
    assert holder.holder(os.getpid(), "x")["run"] != mine["run"]


def test_a_user_without_a_name_is_told_by_number() -> None:
    """As in a container that runs under a number of its own."""
    program = (
        "import os; from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import holder; "
        "os.setgid(54321); os.setuid(54321); "
        "print(holder.holder(os.getpid(), 'x')['user'])"
    )
    names = {name: value for name, value in os.environ.items() if name not in NAMES_OF_USERS}
    said = subprocess.check_output([sys.executable, "-c", program], env=names, text=True)
    assert said.strip() == "54321"


@pytest.mark.parametrize(("ends", "said"), [(False, "the run"), (True, "it has ended")])
def test_a_task_that_outlives_its_run_is_not_of_another(ends: bool, said: str) -> None:
    """Its parent is then process 1, which never ends: no lock may name that."""
    found = subprocess.run(
        [sys.executable, "-c", ORPHAN, str(int(ends))], stdout=subprocess.PIPE, text=True, check=False
    )
    assert found.stdout.strip() == said


def test_one_that_its_parent_has_not_waited_for_has_ended() -> None:
    """As below a service that does not care for its children: /proc shows it until then."""
    with subprocess.Popen(["sleep", "60"]) as process:
        mine = holder.holder(process.pid, "x")
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{process.pid}").exists()
        assert holder.has_ended(mine)


def test_where_proc_does_not_tell_who_lives_is_not_taken_for_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A controller without /proc, and one that hides there what others run."""
    of_root = {**holder.holder(1, "x"), "place": ""}
    monkeypatch.setattr(holder, "PROC", tmp_path)
    of_root["place"] = holder.holder(1, "x")["place"]
    child = os.fork()
    if not child:
        if not os.geteuid():
            os.setuid(65534)
        os._exit(holder.has_ended(of_root))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with subprocess.Popen(["sleep", "60"]) as process:
        mine = holder.holder(process.pid, "x")
        assert not holder.has_ended(mine)
        process.kill()
    assert holder.has_ended(mine)


def test_only_a_run_that_took_the_lock_keeps_it() -> None:
    run = holder.holder(os.getpid(), "x")["run"]
    mine, old = ({"ansible_facts": {"celeryops_run": each}} for each in (run, "an earlier one, from a cache"))
    assert holder.told(None, mine, os.getpid()) == {"run": run}
    assert holder.told("another host", mine, os.getpid()) == {}
    assert holder.told(None, old, os.getpid()) == {}
    assert holder.told(None, {}, os.getpid()) == {}
