# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A process with the settings that sender.yml tells, in each form, reaches the fleet's workers."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import sender
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.settings import (
    Own,
    Timeouts,
    celery_settings,
)
from eventually import wait_until

from integration.agent.harness import BOUND, Stage

OVERRIDES = {"task_default_queue": "threads", "broker_transport_options": {"priority_steps": [0, 3, 6]}}
SEND = "app.send_task('parcels.send', args=[{form!r}], priority=5); print(app.backend.client.ping())"
#: How docs/how-to/send-from-elsewhere.md has each form read.
READ = {
    "django": """
import web
app = celery.Celery()
app.config_from_object(web, namespace='CELERY')
""",
    "dict": """
from web import CELERY
app = celery.Celery()
app.conf.update(CELERY)
""",
    "environment": """
import json, os
app = celery.Celery()
plain = ('CELERY_BROKER_URL', 'CELERY_RESULT_BACKEND')
app.conf.update({
    name.removeprefix('CELERY_').lower(): value if name in plain else json.loads(value)
    for name, value in os.environ.items() if name.startswith('CELERY_')
})
""",
}


def send(directory: Path, form: str, text: str) -> str:
    """Send a task as a process of its own does; return whether the result backend answers it."""
    program = f"import celery\n{READ[form]}\n{SEND.format(form=form)}\n"
    command = [sys.executable, "-c", program]
    if form == "environment":
        (directory / "web.env").write_text(text, encoding="utf-8")
        words = ["sh", "-c", 'set -a; . ./web.env; set +a; exec "$@"', "sh", *command]
    else:
        (directory / "web.py").write_text(text, encoding="utf-8")
        words = command
    done = subprocess.run(words, cwd=directory, capture_output=True, text=True, check=True, timeout=BOUND)
    return done.stdout.strip()


def test_a_sender_in_each_form(stage: Stage, tmp_path: Path) -> None:
    results = stage.redis.url.replace("/0", "/1")
    timeouts = Timeouts(270, 300, 3660)
    stage.settings = celery_settings(OVERRIDES, timeouts, stage.redis.url, results, Own(key_prefix="shop:"))
    worker = stage.worker("threads", CELERY_RESULT_BACKEND=results)
    wait_until("the worker is ready", worker.is_ready)
    urls = {"broker_url": stage.redis.url, "result_backend": results}
    told = sender.settings_of_sender(stage.settings, OVERRIDES, urls)
    for form in sender.FORMATS:
        text = sender.text(told, form, sender.notes(told, ["threads"], hides=False))
        assert send(tmp_path, form, text) == "True"
    wait_until("all have run", partial(stage.has_marks, "done", len(sender.FORMATS)))
    assert sorted(stage.marks("done")) == sorted(sender.FORMATS)
