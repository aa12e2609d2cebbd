# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The script that imports an app before any worker does, with the real Celery."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "roles/celery_app/files/import_app.py"
SECRET = "planted-secret-4711"


def run(tmp_path: Path, code: str, **changes: Any) -> tuple[int, str]:
    """Import an app with this code; return the exit status and what stdout says."""
    (tmp_path / "shop.py").write_text(code)
    asked = {
        "target": "shop:app",
        "directory": str(tmp_path),
        "timeout": 60,
        "pools": ["prefork"],
        "needs": [],
        "settings": {"task_acks_late": True},
        "environment": {"SHOP_TOKEN": SECRET, "SHOP_DEBUG": True},
        **changes,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.read_text()],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    return done.returncode, done.stdout.strip()


def test_an_app_that_imports_says_nothing_whatever_it_prints(tmp_path: Path) -> None:
    code = "import os, celery\nprint(os.environ['SHOP_TOKEN'])\napp = celery.Celery('shop')\n"
    assert run(tmp_path, code) == (0, "")


def test_the_environment_and_the_settings_are_those_of_the_worker(tmp_path: Path) -> None:
    code = (
        "import os, celery\n"
        "assert os.environ['SHOP_DEBUG'] == 'true'\n"
        "app = celery.Celery('shop')\n"
        "@app.on_after_finalize.connect\n"
        "def check(sender, **_):\n"
        "    assert sender.conf.task_acks_late is True\n"
    )
    assert run(tmp_path, code) == (0, "")


def test_task_modules_that_the_worker_would_import_are_imported_too(tmp_path: Path) -> None:
    code = "import celery\napp = celery.Celery('shop', include=['nosuch_tasks'])\n"
    status, said = run(tmp_path, code)
    assert status == 1
    assert "celery_app_target = shop:app" in said
    assert "nosuch_tasks" in said


def test_what_beat_needs_is_told_with_its_package_and_its_variable(tmp_path: Path) -> None:
    variable = {"variable": "celery_beat_scheduler", "value": "redbeat.RedBeatScheduler"}
    need = {"package": "celery-redbeat", **variable}
    code = "import celery\napp = celery.Celery('shop')\n"
    assert run(tmp_path, code, needs=[{"module": "redbeat", **need}]) == (0, "")
    status, said = run(tmp_path, code, needs=[{"module": "nosuch_redbeat", **need}])
    assert status == 1
    assert said == (
        "celery_beat_scheduler = redbeat.RedBeatScheduler: No module named 'nosuch_redbeat'; "
        "add celery-redbeat to celery_app_packages or to the app's requirements"
    )


@pytest.mark.parametrize(
    ("code", "changes", "words"),
    [
        ("import nosuchmodule\n", {}, ["celery_app_target = shop:app", "nosuchmodule", "/shop.py:1"]),
        ("def (:\n", {}, ["celery_app_target = shop:app", "SyntaxError"]),
        ("raise SystemExit('go away')\n", {}, ["SystemExit", "go away"]),
        ("import celery\nshop = celery.Celery()\n", {}, ["shop has no app", "set it to shop:shop"]),
        ("import time\ntime.sleep(60)\n", {"timeout": 5}, ["celery_app_import_timeout = 5"]),
        ("", {"directory": "/nowhere"}, ["celery_app_directory = /nowhere"]),
    ],
)
def test_what_does_not_import_is_told_on_one_line_with_the_mend(
    tmp_path: Path, code: str, changes: dict[str, Any], words: list[str]
) -> None:
    status, said = run(tmp_path, code, **changes)
    assert status == 1
    assert [word for word in words if word not in said] == []
    assert "\n" not in said


def test_a_pool_that_is_not_installed_is_told(tmp_path: Path) -> None:
    (tmp_path / "gevent.py").write_text("raise ImportError('No module named gevent')\n")
    status, said = run(tmp_path, "import celery\napp = celery.Celery()\n", pools=["gevent"])
    assert status == 1
    assert "add gevent to celery_app_packages" in said


def test_a_secret_in_the_reason_is_hidden(tmp_path: Path) -> None:
    code = "import os\nraise RuntimeError('no login with ' + os.environ['SHOP_TOKEN'])\n"
    _status, said = run(tmp_path, code)
    assert "no login with ***" in said
    assert SECRET not in said
