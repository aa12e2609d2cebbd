# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How a running Redis learns of its users."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from ansible_collections.celeryops.systemd.plugins.filter.broker import broker_users
from asking import broker_asked
from unit.plugins.modules.running import run_module

ASKED = broker_asked(password="toil")
StartRedis = Callable[..., int]


class Server:
    """A Redis with its users, and the module that keeps them."""

    def __init__(self, start: StartRedis, place: Path) -> None:
        self.files = {"path": str(place / "celery.acl"), "secret": str(place / "admin.secret")}
        self.port = 0
        self.start = start

    def run(self, check: bool = False, **asked: Any) -> dict[str, Any]:
        """Run the module for the users that are asked for, and return its result."""
        result = self.result(check, **asked)
        assert not result.get("failed"), result
        return result

    def result(
        self, check: bool = False, proof: tuple[str, dict[str, str]] = ("", {}), **asked: Any
    ) -> dict[str, Any]:
        """Return the result of a run that may fail."""
        users, url = broker_users({**ASKED, **asked}), f"redis://127.0.0.1:{self.port or 1}/0"
        words = {"users": users, "url": url, "serves": proof[0], "expect": proof[1]}
        return run_module("redis_users", check, group="root", **words, **self.files)

    def secret(self) -> str:
        """Return the password of the role's own user."""
        return Path(self.files["secret"]).read_text().strip()

    def client(self, password: str) -> redis.Redis:
        """Log in as a worker."""
        return redis.Redis(port=self.port, username="celery", password=password)


@pytest.fixture
def server(start_redis: StartRedis, tmp_path: Path) -> Server:
    """Write the users, then start a Redis that reads them."""
    server = Server(start_redis, tmp_path)
    assert server.run()["changed"]
    server.port = start_redis("--aclfile", server.files["path"])
    return server


def test_a_second_run_changes_nothing(server: Server) -> None:
    """The running Redis says the same in its own words; the files are for their owners only."""
    result = server.run(monitor_password="")
    assert (result["changed"], result["restart"], result["told"]) == (False, False, [])
    modes = [Path(path).stat().st_mode & 0o777 for path in server.files.values()]
    assert modes == [0o640, 0o600]


def test_the_same_call_proves_that_it_serves(server: Server) -> None:
    """As broker_ping would: with the login of a worker, and with what is asked of its settings."""
    url = f"redis://celery:toil@127.0.0.1:{server.port}/0"
    keeps, loses = {"aof_enabled": "0"}, {"maxmemory_policy": "allkeys-lru"}
    asked = [(url, keeps), (url, loses), (url.replace("toil", "wrong"), keeps), ("", keeps)]
    assert [server.run(proof=each)["serves"] for each in asked] == [False] * 4
    with redis.Redis(port=server.port, username="celeryops", password=server.secret()) as admin:
        admin.config_set("appendonly", "yes")
    assert server.run(proof=(url, {"aof_enabled": "1"}))["serves"]
    assert not server.run(proof=(url, {"aof_enabled": "1"}), monitor_password="new")["serves"]


def test_a_new_password_disconnects_nobody(server: Server) -> None:
    """Who is in stays in; the next one needs the new password. Check mode says so, and does nothing."""
    with server.client("toil") as worker:
        number = worker.client_id()
        changes: dict[str, Any] = {"password": "new", "previous_passwords": ["toil"], "key_prefix": "shop:"}
        foretold = server.run(check=True, **changes)
        assert server.client("toil").ping()
        done = server.run(**changes)
        assert foretold["told"] == done["told"] == ["celery"]
        assert foretold["diff"] == done["diff"]
        hashes = [hashlib.sha256(word.encode()).hexdigest() for word in ("new", "toil")]
        for secret in (*hashes, Path(server.files["secret"]).read_text().strip()):
            assert secret not in json.dumps(done)
        assert server.client("toil").ping()
        assert server.client("new").ping()
        assert server.run(password="new", key_prefix="shop:")["told"] == ["celery"]
        with pytest.raises(redis.exceptions.AuthenticationError):
            server.client("toil").ping()
        assert worker.client_id() == number
        with pytest.raises(redis.exceptions.NoPermissionError):
            worker.get("other:key")


@pytest.mark.parametrize("asked", [{}, {"password": ""}, {"default_user": True}], ids=str)
def test_transactions_outlive_a_restart(
    start_redis: StartRedis, tmp_path: Path, asked: dict[str, Any]
) -> None:
    """Redis reads its append-only file as ``default``, and leaves out what that user may not do."""
    server = Server(start_redis, tmp_path)
    server.run(**asked)
    words = ("--appendonly", "yes", "--aclfile", server.files["path"])
    server.port = start_redis(*words)
    login: dict[str, Any] = {"username": "celery", "password": "toil"}
    worker = redis.Redis(port=server.port, **({} if asked.get("password") == "" else login))
    with worker.pipeline(transaction=True) as notes:
        notes.zadd("unacked_index", {"id": 1})
        notes.hset("unacked", "id", "message")
        notes.execute()
    secret = Path(server.files["secret"]).read_text().strip()
    with redis.Redis(port=server.port, username="celeryops", password=secret) as admin:
        admin.shutdown(nosave=True)
    start_redis(*words, port=server.port)
    assert worker.hlen("unacked") == worker.zcard("unacked_index") == 1


def test_a_user_that_leaves_is_gone(server: Server) -> None:
    """At once, from the file and from the running Redis."""
    server.run(monitor_password="look")
    assert server.run()["told"] == ["celery-monitor"]
    with pytest.raises(redis.exceptions.AuthenticationError):
        redis.Redis(port=server.port, username="celery-monitor", password="look").ping()


def test_the_secret_of_an_earlier_version_moves(server: Server, tmp_path: Path) -> None:
    """Redis knows it already, so it need not restart; check mode looks there too."""
    former = tmp_path / "former.secret"
    Path(server.files["secret"]).rename(former)
    secret = former.read_text()
    server.files["former"] = str(former)
    for check in (True, False):
        result = server.run(check=check)
        assert (result["restart"], result["changed_paths"]) == (False, [server.files["secret"]])
        assert secret.strip() not in json.dumps(result)
    assert Path(server.files["secret"]).read_text() == secret
    former.write_text("no longer read")
    assert not server.run()["changed"]


def test_a_former_secret_that_redis_could_have_placed_is_not_taken(server: Server, tmp_path: Path) -> None:
    former = tmp_path / "former.secret"
    Path(server.files["secret"]).unlink()
    former.write_text("planted")
    os.chown(former, pwd.getpwnam("nobody").pw_uid, -1)
    server.files["former"] = str(former)
    refused = server.result()
    assert refused["failed"]
    assert refused["msg"].endswith(f"{former}: is not root's alone: not trusted; remove it")
    assert not Path(server.files["secret"]).exists()


def test_a_redis_without_the_roles_user(server: Server, start_redis: StartRedis) -> None:
    """One that was set up otherwise has to be restarted to read the file."""
    server.port = start_redis("--requirepass", "other")
    assert server.run()["restart"]


def test_a_rule_that_redis_refuses_leaves_nothing_behind(server: Server) -> None:
    """Neither the user that rules are tried on, nor a part of what was asked."""
    before = Path(server.files["path"]).read_text()
    with pytest.raises(AssertionError, match="ERR Err"):
        server.run(redis_users={"web": "on +nonsense"})
    assert Path(server.files["path"]).read_text() == before
    secret = Path(server.files["secret"]).read_text().strip()
    with redis.Redis(port=server.port, username="celeryops", password=secret) as admin:
        assert sorted(admin.acl_users()) == ["celery", "celeryops", "default"]
