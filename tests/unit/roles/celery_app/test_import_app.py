# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The script that imports an app before any worker does, with the real Celery."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import celery
import kombu
import pytest
from reference.roles import ROOT

SCRIPT = ROOT / "roles/celery_app/files/import_app.py"
SECRET = "planted-secret-4711"


def agent(**changes: str) -> list[dict[str, str]]:
    """The agent as the role hands it over; ``changes`` are put at the end of modules."""
    return [
        {"path": str(path), "content": path.read_text() + changes.get(path.stem, "")}
        for path in (SCRIPT.parent / "celeryops_agent").rglob("*.py")
    ]


def run(tmp_path: Path, code: str, **changes: Any) -> tuple[int, str]:
    """Import an app with this code; return the exit status and what stdout says."""
    (tmp_path / "shop.py").write_text(code)
    asked = {
        "target": "shop:app",
        "directory": str(tmp_path),
        "timeout": 60,
        "pools": ["prefork"],
        "needs": [],
        "queues": {"consumed": [], "foreign": [], "periodic": None},
        "agent": agent(),
        "memory": {"queues": {}, "beat": 0},
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


def test_the_path_of_python_is_the_workers(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/vendored.py").write_text("")
    code = "import celery, vendored\napp = celery.Celery('shop')\n"
    assert run(tmp_path, code, environment={"PYTHONPATH": f"{tmp_path}/vendor"}) == (0, "")


def test_the_app_is_in_a_dependency_and_its_settings_in_the_directory(tmp_path: Path) -> None:
    installed = tmp_path / "installed/panel"
    installed.mkdir(parents=True)
    (installed / "tasks.py").write_text("import celery, panel_config\napp = celery.Celery('panel')\n")
    (tmp_path / "panel_config.py").write_text("")
    changes = {"target": "panel.tasks:app", "environment": {"PYTHONPATH": str(installed.parent)}}
    assert run(tmp_path, "", **changes) == (0, "")


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


def test_an_app_that_takes_more_than_it_is_planned_with_is_told_with_what_to_write(tmp_path: Path) -> None:
    code = "import celery\nballast = bytearray(b'x' * (300 << 20))\napp = celery.Celery('shop')\n"
    memory = {"queues": {"mail": 100, "video": 900}, "beat": 192}
    status, said = run(tmp_path, code, memory=memory)
    assert status == 0
    told = re.fullmatch(
        r"celery_worker_queues\.mail\.app_memory_mb = 100: the app takes (\d+) MB once it is imported; "
        r"set it to (\d+)\n"
        r"celery_beat_memory_max_mb = 192: the app takes \1 MB once it is imported; set it to (\d+)",
        said,
    )
    assert told, said
    used, app, beat = map(int, told.groups())
    assert 300 < used < 450
    assert used * 1.1 <= app < used * 1.1 + 5
    assert used * 1.25 <= beat < used * 1.25 + 5


def test_a_signature_that_the_inventory_would_take_away_is_told(tmp_path: Path) -> None:
    code = "import celery\napp = celery.Celery('shop')\napp.conf.accept_content = {}\n"
    assert run(tmp_path, code.format(["auth"]), settings={"accept_content": ["json"]}) == (0, "")
    assert run(tmp_path, code.format(["auth", "json"]), settings={"accept_content": ["json"]}) == (
        1,
        "celery_app_settings.accept_content = ['json']: the app's code signs its messages (accept_content = "
        "['auth', 'json']), and this would take the signature away; set it to null to leave it to the code, "
        "or to [auth]",
    )


@pytest.mark.parametrize(
    ("code", "changes", "words"),
    [
        ("import nosuchmodule\n", {}, ["celery_app_target = shop:app", "nosuchmodule", "/shop.py:1"]),
        ("", {"target": "panel.tasks:app"}, ["No module named 'panel'", "the package that has panel"]),
        ("def (:\n", {}, ["celery_app_target = shop:app", "SyntaxError"]),
        ("raise SystemExit('go away')\n", {}, ["SystemExit", "go away"]),
        ("import celery\nshop = celery.Celery()\n", {}, ["shop has no app", "set it to shop:shop"]),
        ("import time\ntime.sleep(60)\n", {"timeout": 5}, ["celery_app_import_timeout = 5"]),
        ("", {"directory": "/nowhere"}, ["celery_app_directory = /nowhere"]),
    ],
)
def test_what_does_not_import_is_told_on_one_line_with_the_fix(
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


@pytest.mark.parametrize(
    ("internals", "words"),
    [
        ('Internal("celery.beat:Service.nosuch")', "celery.beat:Service.nosuch is not there"),
        ('Internal("celery.nosuch:Thing")', "celery.nosuch:Thing: No module named 'celery.nosuch'"),
        (
            'Internal("celery.beat:Service.start", takes=("self", "other"))',
            "celery.beat:Service.start takes (self, embedded_process) where (self, other) is expected",
        ),
        (
            'Internal("celery.beat:Service.__init__", uses=("app", "nosuch"))',
            "celery.beat:Service.__init__ knows no nosuch",
        ),
    ],
)
def test_a_celery_that_the_agent_does_not_know(tmp_path: Path, internals: str, words: str) -> None:
    declared = agent(beat=f"\nINTERNALS = ({internals},)\n")
    status, said = run(tmp_path, "import celery\napp = celery.Celery()\n", agent=declared)
    assert status == 1
    versions = f"celery {celery.__version__} with kombu {kombu.__version__}"
    assert said.startswith(f"celery_app_packages: {versions}: {words}; pin one that ")


def test_a_module_of_celery_that_came_later_may_be_missing(tmp_path: Path) -> None:
    declared = agent(beat='\nINTERNALS = (Internal("celery.nosuch:Thing", optional=True),)\n')
    assert run(tmp_path, "import celery\napp = celery.Celery()\n", agent=declared) == (0, "")


def test_a_celery_that_is_too_old(tmp_path: Path) -> None:
    code = "import celery\napp = celery.Celery()\n"
    status, said = run(tmp_path, code, agent=agent(internals="\nOLDEST = (99, 0)\n"))
    assert status == 1
    assert "the oldest Celery that is supported is 99.0" in said


def test_a_client_that_kombu_does_not_take(tmp_path: Path) -> None:
    code = (
        "import celery, redis\n"
        "redis.VERSION = (1, 0)\n"  # pip takes 5.3.1 for celery[redis]==5.4.0, and a kombu that wants 6.1
        "app = celery.Celery(broker='redis://127.0.0.1:1')\n"
    )
    status, said = run(tmp_path, code)
    assert status == 1
    assert said.startswith("celery_app_packages: Redis transport requires redis-py versions")
    assert "add kombu[redis] to celery_app_packages" in said


@pytest.mark.parametrize(
    "settings", [{"broker_read_url": "redis://127.0.0.1:1"}, {"broker_url": "sentinel://127.0.0.1:1"}]
)
def test_a_client_that_is_missing(tmp_path: Path, settings: dict[str, str]) -> None:
    code = "import sys\nsys.modules['redis'] = None\nimport celery\napp = celery.Celery(broker='memory://')\n"
    status, said = run(tmp_path, code, settings=settings)
    assert status == 1
    assert said.startswith("celery_app_packages: the broker's transport cannot be loaded: ")
    assert "add kombu[redis], or what else the broker needs, to celery_app_packages" in said


def test_a_transport_that_nobody_has(tmp_path: Path) -> None:
    status, said = run(tmp_path, "import celery\napp = celery.Celery(broker='carrier://pigeon')\n")
    assert status == 1
    assert "carrier" in said


def test_settings_that_the_code_changes_afterwards(tmp_path: Path) -> None:
    code = (
        "import celery\n"
        "app = celery.Celery()\n"
        "@app.on_after_finalize.connect\n"
        "def change(sender, **_):\n"
        "    sender.conf.task_acks_late = False\n"
        "    sender.conf.broker_transport_options = {'visibility_timeout': 1}\n"
    )
    settings = {"task_acks_late": True, "broker_transport_options": {"visibility_timeout": 9}, "x": None}
    status, said = run(tmp_path, code, settings=settings)
    assert status == 1
    assert "its code changes task_acks_late and broker_transport_options after" in said
    assert "null" in said
    settings.update(task_acks_late=None, broker_transport_options={"visibility_timeout": None})
    assert run(tmp_path, code, settings=settings) == (0, "")
