# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The users of the broker: workers, beat and Flower are refused nothing that they need, and all the rest."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app import settings
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import redis_acl
from celery import Celery, chord, group
from celery.result import AsyncResult
from eventually import wait_until
from kombu.entity import Exchange, Queue

from integration.agent.harness import AGENT, Redis, Service, Stage, free_port

APPS = Path(__file__).parent / "apps"
ADMIN = ("--user", "admin", "--pass", "admins", "--no-auth-warning")
QUEUE = "errands"
TIMERS = settings.Timeouts(soft_time_limit=270, time_limit=300, visibility_timeout=3600)


@dataclass
class Fleet:
    """A broker with the role's users, and what logs in to it."""

    stage: Stage
    prefix: str

    @property
    def redis(self) -> Redis:
        return self.stage.redis

    def url(self, user: str, database: int = 0) -> str:
        return f"redis://{user}:{user}s@127.0.0.1:{self.redis.port}/{database}"

    def settings(self) -> dict[str, Any]:
        """What the role celery_app writes."""
        schedule = {"tick": {"task": "errands.add", "schedule": 0.5, "args": [1, 1]}}
        own = {
            "beat_schedule": schedule,
            "task_default_queue": QUEUE,
            "redbeat_redis_url": self.url("celery"),
            "beat_max_loop_interval": 1,
            "redbeat_lock_timeout": 6,
            "worker_send_task_events": True,
        }
        url = self.url("celery")
        return settings.celery_settings(own, TIMERS, url, url, settings.Own(self.prefix))

    def client(self) -> Celery:
        """The app as a sender has it."""
        app = Celery("errands", broker=self.url("celery"), backend=self.url("celery", 1))
        app.conf.update({key: value for key, value in self.settings().items() if not key.startswith("redb")})
        return app

    def run(self, *arguments: str, **environ: str) -> Service:
        self.stage.settings = self.settings()
        urls: dict[str, Any] = {
            "CELERY_BROKER_URL": self.url("celery"),
            "CELERY_RESULT_BACKEND": self.url("celery", 1),
            "CELERYOPS_APP": "errands:application",
            "PYTHONPATH": f"{AGENT}:{APPS}",
        }
        return self.stage.celery(*arguments, **urls | environ)

    def denied(self) -> list[str]:
        """Who was refused what, as ACL LOG has it."""
        with redis.Redis(port=self.redis.port, username="admin", password="admins") as admin:
            return [f"{entry['username']}: {entry['reason']}: {entry['object']}" for entry in admin.acl_log()]


@pytest.fixture(params=["", "shop:"], ids=["no prefix", "prefix"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Fleet]:
    """Start a Redis whose ACL file is the role's, and one user more to look on."""
    access = redis_acl.Access(
        "celerys",
        monitor_password="celery-monitors",
        key_prefix=request.param,
        redis_users={"admin": "on >admins ~* &* +@all"},
    )
    users = tmp_path / "celery.acl"
    users.write_text("".join(f"user {name} {rules}\n" for name, rules in redis_acl.users(access).items()))
    server = Redis(tmp_path, options=("--aclfile", str(users)), login=ADMIN)
    server.start()
    stage = Stage(tmp_path, server)
    yield Fleet(stage, request.param)
    for service in stage.services:
        service.kill()
    server.stop()


def work(app: Celery) -> None:
    """Do with the broker and the result backend all that an app can."""
    add, nap = app.signature("errands.add"), app.signature("errands.nap")
    assert add.clone((1, 2)).apply_async().get(60) == 3
    assert add.clone((1, 2)).apply_async(countdown=0.5).get(60) == 3
    soon = datetime.now(timezone.utc) + timedelta(seconds=0.5)
    assert add.clone((1, 2)).apply_async(eta=soon, priority=6).get(60) == 3
    assert group(add.clone((n, n)) for n in range(4)).apply_async().get(60) == [0, 2, 4, 6]
    for ordered in (True, False):
        app.conf.result_backend_transport_options["result_chord_ordered"] = ordered
        steps = [add.clone((n, n)) for n in range(4)]
        assert chord(steps, app.signature("errands.total")).apply_async().get(60) == 12
    assert app.signature("errands.fail_once").apply_async().get(60) == "well"
    done = add.clone((1, 2)).apply_async(expires=60)
    assert done.get(60) == 3
    done.forget()
    assert AsyncResult(done.id, app=app).state == "PENDING"
    revoked = nap.clone((0,)).apply_async(countdown=60)
    app.control.revoke(revoked.id, terminate=True)
    revoked.forget()
    for look in ("active", "reserved", "scheduled", "revoked", "stats", "registered", "active_queues"):
        assert getattr(app.control.inspect(timeout=5, limit=1), look)(), look
    app.control.rate_limit("errands.nap", "100/m")
    app.control.add_consumer("more", reply=True, limit=1)
    app.send_task("errands.nap", [0], queue="more").get(60)
    app.control.cancel_consumer("more", reply=True, limit=1)


def hear_events(app: Celery) -> None:
    """Listen to events as monitors do."""
    heard: list[str] = []
    with app.connection_for_read() as connection:
        receiver = app.events.Receiver(connection, handlers={"*": lambda event: heard.append(event["type"])})
        for _event in receiver.itercapture(timeout=60):
            if heard:
                break
    assert heard


def test_workers_and_beat_are_refused_nothing(fleet: Fleet) -> None:
    worker = fleet.run("worker", "--concurrency=2", "-E", f"--queues={QUEUE}", "--loglevel=INFO")
    wait_until("the worker consumes", worker.is_ready)
    with fleet.client() as app:
        work(app)
        hear_events(app)
    for number, scheduler in enumerate(("celery.beat:PersistentScheduler", "redbeat.RedBeatScheduler")):
        schedule = f"--schedule={fleet.stage.directory}/schedule-{number}"
        beat = fleet.run("beat", f"--scheduler={scheduler}", schedule, "--pidfile=", "--loglevel=INFO")
        wait_until("beat sends", partial(beat.says, "Sending due task tick"))
        beat.signal(15)
        assert beat.ended() == 0
    # kombu sweeps its bindings each minute: here at once, as the consumer would.
    with fleet.client() as app, app.connection_for_read() as connection:
        connection.default_channel.sweep_bindings()
        connection.default_channel.qos.restore_visible()
    worker.signal(15)
    assert worker.ended() == 0
    assert fleet.denied() == []


class Flower:
    """A Flower as its role starts it."""

    def __init__(self, fleet: Fleet) -> None:
        place = fleet.stage.directory / "flower"
        place.mkdir()
        options: dict[str, Any] = {"broker_transport_options": {"visibility_timeout": 31536000}}
        if fleet.prefix:
            prefix = {"global_keyprefix": fleet.prefix}
            options["broker_transport_options"] |= prefix
            options["result_backend_transport_options"] = prefix
        (place / "celeryconfig.py").write_text(f"globals().update({options!r})\n")
        self.port = free_port()
        user = "celery-monitor"
        environ: dict[str, Any] = {
            "CELERY_BROKER_URL": fleet.url(user),
            "CELERY_RESULT_BACKEND": fleet.url(user, 1),
            "FLOWER_PORT": str(self.port),
            "FLOWER_ADDRESS": "127.0.0.1",
            "FLOWER_BASIC_AUTH": "me:mine",
            "PYTHONPATH": str(place),
        }
        self.service = fleet.stage.celery("flower", listen=False, target="", **environ)

    def ask(self, page: str, method: str = "GET", body: str = "") -> tuple[int, str]:
        """Return the status and the text of a page."""
        login = base64.b64encode(b"me:mine").decode()
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            line.request(method, page, body=body, headers={"Authorization": f"Basic {login}"})
            answer = line.getresponse()
            return answer.status, answer.read().decode()
        except ConnectionError:
            return 0, ""
        finally:
            line.close()

    def knows_a_worker(self) -> bool:
        """Tell whether a worker answered its questions."""
        status, text = self.ask("/api/workers?refresh=1")
        return status == 200 and bool(json.loads(text))


def test_flower_is_refused_nothing_and_sends_no_task(fleet: Fleet) -> None:
    worker = fleet.run("worker", "--concurrency=2", "-E", f"--queues={QUEUE}", "--hostname=w@test")
    wait_until("the worker consumes", worker.is_ready)
    flower = Flower(fleet)
    wait_until("Flower knows the worker", flower.knows_a_worker)
    with fleet.client() as app:
        result = app.signature("errands.add", (20, 22)).apply_async()
        assert result.get(60) == 42
        wait_until("it has seen the task", lambda: result.id in flower.ask("/api/tasks")[1])
        for page in ("/", "/broker", "/tasks", "/worker/w@test", "/metrics", "/api/queues/length"):
            assert flower.ask(page)[0] == 200, page
        assert '"result": 42' in flower.ask(f"/api/task/result/{result.id}")[1]
        waiting = app.signature("errands.nap", (0,)).apply_async(countdown=3600)
        assert flower.ask(f"/api/task/revoke/{waiting.id}", "POST")[0] == 200
        assert flower.ask("/api/worker/pool/grow/w@test?n=1", "POST")[0] == 200
        waiting.forget()
        wait_until("the worker was told", lambda: waiting.id in str(app.control.inspect().revoked()))
        with Celery("by hand", broker=fleet.url("celery-monitor")) as monitor:
            monitor.conf.broker_transport_options = app.conf.broker_transport_options
            assert monitor.control.inspect(timeout=5, limit=1).active_queues()
            hear_events(monitor)
            with monitor.connection_for_read() as connection:
                connection.default_channel.sweep_bindings()
    assert fleet.denied() == []
    assert flower.ask("/api/task/send-task/errands.add", "POST", json.dumps({"args": [1, 1]}))[0] == 503
    assert {entry.split(":")[0] for entry in fleet.denied()} == {"celery-monitor"}


@pytest.mark.parametrize("kind", ["topic", "direct"])
def test_a_monitor_takes_no_task_by_a_binding(fleet: Fleet, kind: str) -> None:
    """To an exchange of tasks it would get a copy of each; a list of its own it may read."""
    mail = Exchange("mail", kind)
    tasks, key = Queue(QUEUE, mail, routing_key="mail.#" if kind == "topic" else "mail.send"), "mail.send"
    thief = Queue("celeryev.thief", mail, routing_key=tasks.routing_key, auto_delete=True)
    with fleet.client() as app, Celery("monitor", broker=fleet.url("celery-monitor")) as monitor:
        monitor.conf.broker_transport_options = app.conf.broker_transport_options
        with app.connection_for_write() as line, monitor.connection_for_write() as other:
            tasks(line).declare()
            with pytest.raises(redis.exceptions.NoPermissionError):
                thief(other).declare()
            app.send_task("errands.add", (1, 2), exchange=mail, routing_key=key, connection=line)
            assert [line.default_channel._size(name) for name in (QUEUE, thief.name)] == [1, 0]


FOREIGN = [
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("KEYS", "*"),
    ("CONFIG", "GET", "*"),
    ("CONFIG", "SET", "maxmemory-policy", "allkeys-lru"),
    ("ACL", "LIST"),
    ("CLIENT", "KILL", "TYPE", "normal"),
    ("SHUTDOWN",),
    ("REPLICAOF", "no", "one"),
    ("MONITOR",),
    ("SCRIPT", "FLUSH"),
    ("SWAPDB", "0", "1"),
    ("GET", "other:secret"),
    ("LPUSH", "other:queue", "task"),
    ("SUBSCRIBE", "other:channel"),
    ("PSUBSCRIBE", "*"),
]
WRITES = [
    ("LPUSH", "shop:errands", "task"),
    ("BRPOP", "shop:errands", "1"),
    ("DEL", "shop:errands"),
    ("SADD", "shop:_kombu.binding.mail", "thief"),
    ("SREM", "shop:_kombu.binding.mail", "thief"),
    ("DEL", "shop:_kombu.binding.mail"),
    ("SREM", "shop:_kombu.binding_permanent.mail", "thief"),
]


@pytest.mark.parametrize("fleet", ["shop:"], indirect=True)
def test_what_is_foreign_is_denied(fleet: Fleet) -> None:
    for user, commands in {"celery": FOREIGN, "celery-monitor": [*FOREIGN, *WRITES]}.items():
        with redis.Redis.from_url(fleet.url(user)) as client:
            for command in commands:
                with pytest.raises(redis.exceptions.NoPermissionError):
                    client.execute_command(*command)
    with redis.Redis(port=fleet.redis.port) as nobody, pytest.raises(redis.exceptions.AuthenticationError):
        nobody.ping()
