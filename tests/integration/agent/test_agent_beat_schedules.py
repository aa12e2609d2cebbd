# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory's schedules in each scheduler: they land, they are sent, and they leave."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from ansible_collections.celeryops.systemd.plugins.plugin_utils.beat import options as asked
from eventually import wait_until

from integration.agent.harness import BIN, HERE, Service, Stage

FILE = "celery.beat:PersistentScheduler"
REDBEAT = "redbeat.RedBeatScheduler"
DJANGO = "django_celery_beat.schedulers:DatabaseScheduler"
QUEUE = {"queue": "ticks"}
#: One of each kind; the lamps and the nightly report are not due.
SCHEDULES: dict[str, Any] = {
    "tick": {"task": "parcels.send", "every": 1, "args": ["tick"], "options": {**QUEUE, "expires": "1h"}},
    "report": {"task": "parcels.send", "crontab": "30 2 29 feb *", "timezone": "Europe/Berlin"},
    "lamps": {"task": "parcels.send", "solar": {"event": "sunset", "latitude": 80, "longitude": 13.4}},
}


def beat(stage: Stage, scheduler: str, schedules: dict[str, Any], **environ: Any) -> Service:
    """Start a beat with what the role would write for these variables, and wait until it leads."""
    document = asked.document(asked.Asked(scheduler, schedules, "UTC", loop_interval=1, lock_timeout=6))
    path = stage.directory / "beat.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    words = ("beat", f"--scheduler={scheduler}", f"--schedule={stage.directory}/schedule", "--pidfile=")
    service = stage.celery(*words, "--loglevel=INFO", CELERYOPS_BEAT=str(path), **environ)
    wait_until("it leads", partial(service.shows, "leader"))
    return service


def stop(service: Service) -> None:
    """End a beat as systemd does."""
    service.signal(signal.SIGTERM)
    assert service.ended() == 0


def sent(stage: Stage) -> list[dict[str, Any]]:
    """The messages that wait for a worker."""
    with redis.Redis(port=stage.redis.port) as client:
        return [json.loads(each) for each in client.lrange("ticks", 0, -1)]


@pytest.fixture
def django(tmp_path: Path, stage: Stage) -> dict[str, str]:
    """The environment of a Django project whose database is migrated."""
    stage.settings.clear()
    environ = {
        "CELERYOPS_APP": "registry",
        "DJANGO_SETTINGS_MODULE": "registry.scheduled",
        "REGISTRY_DATABASE": str(tmp_path / "registry.sqlite3"),
    }
    run_django(stage, environ, "from django.core.management import call_command; call_command('migrate')")
    return environ


def run_django(stage: Stage, environ: dict[str, str], code: str) -> str:
    """What a piece of code prints in the Django project."""
    setup = "import django; django.setup(); from django_celery_beat.models import PeriodicTask as P; "
    words = [sys.executable, "-c", setup + code]
    env = stage.environ(**environ)
    done = subprocess.run(words, cwd=HERE / "apps", env=env, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_file(stage: Stage) -> None:
    service = beat(stage, FILE, SCHEDULES)
    wait_until("it sends", lambda: len(sent(stage)) > 2)
    assert {message["headers"]["argsrepr"] for message in sent(stage)} == {"['tick']"}
    assert all(message["headers"]["expires"] for message in sent(stage))
    stop(service)
    before = len(sent(stage))
    quiet = beat(stage, FILE, {"report": SCHEDULES["report"]})
    wait_until("it ticks", lambda: quiet.says("beat: Starting"))
    stop(quiet)
    assert len(sent(stage)) == before


def test_redbeat(stage: Stage) -> None:
    service = beat(stage, REDBEAT, SCHEDULES)
    wait_until("it sends", lambda: len(sent(stage)) > 2)
    stop(service)
    assert stage.redis.ask("SMEMBERS", "redbeat::statics").split() != []
    assert "Europe/Berlin" in stage.redis.ask("HGET", "redbeat:report", "definition")
    assert "sunset" in stage.redis.ask("HGET", "redbeat:lamps", "definition")
    again = beat(stage, REDBEAT, {"tick": SCHEDULES["tick"]})  # it reads what it wrote
    wait_until("it sends again", lambda: len(sent(stage)) > 4)
    stop(again)
    assert stage.redis.ask("SMEMBERS", "redbeat::statics") == "tick"
    assert stage.redis.ask("EXISTS", "redbeat:report", "redbeat:lamps") == "0"


def test_django_celery_beat(stage: Stage, django: dict[str, str]) -> None:
    people_made = (
        "from django_celery_beat.models import IntervalSchedule as I; "
        "P.objects.create(name='by-hand', task='t', interval=I.objects.create(every=9, period='days'))"
    )
    run_django(stage, django, people_made)
    service = beat(stage, DJANGO, SCHEDULES, **django)
    wait_until("it sends", lambda: len(sent(stage)) > 2)
    stop(service)
    fields = "'name', 'expire_seconds', 'crontab__timezone', 'solar__event', 'interval__every'"
    mine = "P.objects.exclude(name__startswith='celery.').order_by('name')"
    show = f"print(*{mine}.values_list({fields}), sep='\\n')"
    assert run_django(stage, django, show).splitlines() == [
        "('by-hand', None, None, None, 9)",
        "('lamps', None, None, 'sunset', None)",
        "('report', None, zoneinfo.ZoneInfo(key='Europe/Berlin'), None, None)",
        "('tick', 3600, None, None, 1)",
    ]
    run_django(stage, django, "P.objects.filter(name='tick').update(enabled=False)")
    again = beat(stage, DJANGO, {"tick": SCHEDULES["tick"]}, **django)
    wait_until("it ticks", lambda: again.says("beat: Starting"))
    stop(again)
    names = f"print(*{mine}.values_list('name', 'enabled'))"
    assert run_django(stage, django, names).strip() == "('by-hand', True) ('tick', False)"


def test_what_is_missing_is_named(stage: Stage) -> None:
    """Should a release come without the package all the same: beat says so at once."""
    run = subprocess.run(
        [BIN / "celery", "-A", "celeryops_agent.fleet", "beat", "--scheduler=nosuch_redbeat.Scheduler"],
        cwd=HERE / "apps",
        env=stage.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode != 0
    assert "nosuch_redbeat" in run.stderr
