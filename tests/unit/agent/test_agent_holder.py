# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether a process that holds messages has ended: one that cannot be seen has not."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from celeryops_agent.holder import SEP, has_ended, own_name


def name_of(pid: int, started: str = "1") -> str:
    """The name of a process of this machine."""
    *machine, _pid, _started = own_name().split(SEP)
    return SEP.join([*machine, str(pid), started])


def test_a_process_that_runs_has_not_ended() -> None:
    assert not has_ended(own_name())


def test_a_neighbour_that_proc_hides_has_not_ended(tmp_path: Path) -> None:
    """The unit of a worker has ProtectProc=invisible and users of its own: it sees no other worker."""
    with subprocess.Popen(["sleep", "60"]) as process:
        name = name_of(process.pid)
        assert not has_ended(name, proc=tmp_path)
        process.kill()
    assert has_ended(name, proc=tmp_path)


def test_a_later_process_of_the_same_number_is_another() -> None:
    assert has_ended(name_of(os.getpid()))


def test_of_another_machine_nothing_is_known() -> None:
    assert not has_ended(SEP.join(["elsewhere", "1", "1", "1"]))
