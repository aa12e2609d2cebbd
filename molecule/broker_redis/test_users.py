"""Workers, beat and Flower with least-privilege users: nothing that they do is refused, all else is."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import testinfra
from load.driver import Order, drive, leftover
from load.remote import Hosts
from testinfra.host import Host

testinfra_hosts = ["ansible://celery_broker"]
PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
SSH = PROJECT / ".cache/lab/broker_redis/ssh_config"
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
CLI = "redis-cli --tls --cacert /etc/ssl/celery-broker-ca.pem"
ADMIN = f"REDISCLI_AUTH=$(cat /etc/celery-redis/celery-admin.secret) {CLI} --user celeryops"


def url(host: Host, file: str, name: str) -> str:
    """A URL in one of the environment files; the broker's own host reaches the same broker over loopback."""
    found = re.search(rf'^{name}="?([^"\n]+)', host.check_output(f"cat /etc/conf.d/celery/{file}"), re.M)
    assert found
    return re.sub(r"@[^/]+", "@127.0.0.1:6379", found[1])


@pytest.fixture(scope="module")
def users(host: Host) -> dict[str, str]:
    """The URL of each user of the fleet."""
    worker = testinfra.get_host(f"ansible://one?ansible_inventory={INVENTORY}&force_ansible=false")
    return {
        "celery": url(worker, "broker.env", "CELERY_BROKER_URL"),
        "celery-monitor": url(host, "flower.env", "CELERY_BROKER_URL"),
    }


def ask(host: Host, login: str, command: str) -> str:
    """The answer to a user's command; the password is on the standard input, not in an argument."""
    user, password = re.findall("://(.*):(.*)@", login)[0]
    script = "read -r REDISCLI_AUTH; export REDISCLI_AUTH; " + f"{CLI} --user {user} {command}"
    return str(host.check_output(f"printf '%%s\\n' %s | sh -c '{script}'", unquote(password)))


def test_under_load_nothing_is_refused(host: Host, users: dict[str, str]) -> None:
    """Single tasks and chords through every queue, with beat beside them and Flower looking on."""
    host.check_output(f"{ADMIN} ACL LOG RESET")
    mix = PROJECT / "tests/apps/shop/load.json"
    order = Order("one", ("one",), json.loads(mix.read_text()), count=40, chords=4)
    total = drive(Hosts(SSH), order, print)[-1]
    assert total.clean, total
    assert not any(leftover(Hosts(SSH), order).values())
    assert host.check_output(f"{ADMIN} ACL LOG") == ""
    for user in users:
        assert f"user={user} " in host.check_output(f"{ADMIN} CLIENT LIST")


@pytest.mark.parametrize("user", ["celery", "celery-monitor"])
@pytest.mark.parametrize("command", ["FLUSHALL", "KEYS shop:*", "CONFIG GET dir", "GET other:key"])
def test_what_is_foreign_is_denied(host: Host, users: dict[str, str], user: str, command: str) -> None:
    assert "NOPERM" in ask(host, users[user], command)


def test_who_gives_no_name_is_refused(host: Host) -> None:
    assert "NOAUTH" in host.check_output(f"{CLI} PING")


def test_only_root_and_redis_read_the_users(host: Host) -> None:
    users, secret = (host.file(f"/etc/celery-redis/celery{name}") for name in (".acl", "-admin.secret"))
    assert (users.user, users.group, users.mode) == ("root", "redis", 0o640)
    assert (secret.user, secret.group, secret.mode) == ("root", "root", 0o600)
