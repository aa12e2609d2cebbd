# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The script that becomes a command of the app."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from reference.roles import ROOT

SCRIPT = ROOT / "roles/celery_app/files/run_command.py"


def run(place: Path, *argv: str, **changes: Any) -> subprocess.CompletedProcess[str]:
    (place / "venv/bin").mkdir(parents=True, exist_ok=True)
    (place / "app").mkdir(exist_ok=True)
    asked = {
        "argv": argv,
        "directory": str(place / "app"),
        "virtualenv": str(place / "venv"),
        "environment": {"TOKEN": "s3cret", "DEBUG": True, "LEFT_OUT": None},
        **changes,
    }
    command = [sys.executable, "-c", SCRIPT.read_text()]
    return subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=False, cwd="/"
    )


def test_it_has_the_environment_the_directory_and_nothing_to_read(tmp_path: Path) -> None:
    done = run(tmp_path, "sh", "-c", 'echo "$TOKEN $DEBUG ${LEFT_OUT-none} $PWD $HOME"; cat; exit 3')
    assert done.stdout == f"s3cret true none {tmp_path}/app /var/lib/celery\n"
    assert done.returncode == 3


def test_programs_of_the_virtual_environment_come_first(tmp_path: Path) -> None:
    run(tmp_path, "true")
    program = tmp_path / "venv/bin/python"
    program.write_text("#!/bin/sh\necho own $1\n")
    program.chmod(0o755)
    assert run(tmp_path, "python", "manage.py").stdout == "own manage.py\n"


def test_a_program_or_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = run(tmp_path, "nosuch")
    assert (done.returncode, done.stderr) == (127, "nosuch: No such file or directory\n")
    assert run(tmp_path, "true", directory=str(tmp_path / "none")).returncode == 127
