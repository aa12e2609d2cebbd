# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One run at a time changes a host: who may take the lock, and that of many at once one gets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils import run_lock
from ansible_collections.celeryops.systemd.plugins.plugin_utils import holder

ALICE = {"run": "a" * 16, "user": "alice", "controller": "laptop", "pid": 1, "play": "the play 'x'"}
NAMES_OF_USERS = ("LOGNAME", "USER", "LNAME", "USERNAME")
BOB = {**ALICE, "run": "b" * 16, "user": "bob"}


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


def test_a_run_takes_its_own_again_and_keeps_since_when(lock: Path) -> None:
    run_lock.take(ALICE, lease=10, lock=lock)
    before = run_lock.read(lock)
    assert run_lock.take(ALICE, lease=1000, lock=lock) == {}
    after = run_lock.read(lock)
    assert after["since"] == before["since"]
    assert after["until"] > before["until"] + 900


def test_a_lease_ends_and_a_long_wait_prolongs_it(lock: Path) -> None:
    run_lock.take(ALICE, lease=-1, lock=lock)
    assert run_lock.take(BOB, lease=-1, lock=lock) == {}
    run_lock.prolong(7200, lock=lock)
    assert run_lock.take(ALICE, lock=lock)["user"] == "bob"


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
        "import os; from ansible_collections.celeryops.systemd.plugins.plugin_utils import holder; "
        "os.setgid(54321); os.setuid(54321); "
        "print(holder.holder(os.getpid(), 'x')['user'])"
    )
    names = {name: value for name, value in os.environ.items() if name not in NAMES_OF_USERS}
    said = subprocess.check_output([sys.executable, "-c", program], env=names, text=True)
    assert said.strip() == "54321"
