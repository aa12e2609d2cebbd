# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The users of Redis: who they are, and what is refused."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from ansible_collections.celeryops.systemd.plugins.filter.broker import broker_users
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import redis_acl
from asking import broker_asked

ASKED = broker_asked(password="toil")


def digest(password: str) -> str:
    """Return a password as an ACL file holds it."""
    return f"#{hashlib.sha256(password.encode()).hexdigest()}"


def test_who_there_is() -> None:
    """A password stands as its hash; nobody comes in without a name."""
    users = broker_users({**ASKED, "monitor_password": "look", "previous_passwords": ["before"]})
    assert sorted(users) == ["celery", "celery-monitor", "default"]
    assert users["default"].split()[0] == "off"
    assert users["celery"].split()[:3] == ["on", digest("toil"), digest("before")]
    assert users["celery-monitor"].split()[:2] == ["on", digest("look")]
    assert "toil" not in users["celery"].replace(digest("toil"), "")


def test_without_a_password_and_on_the_way_to_users() -> None:
    """On loopback everyone is a worker, and no more; so is who knows the password, while asked for."""
    assert broker_users({**ASKED, "password": ""}) == {"default": f"on nopass {redis_acl.worker_rules('')}"}
    moving = broker_users({**ASKED, "default_user": True})
    assert moving["default"] == moving["celery"]


def test_keys_and_further_users() -> None:
    """A prefix is before every key and channel; rules of the operator's are added."""
    more = {"celery": "+sort", "exporter": f"on {digest('export')} +info"}
    users = broker_users({**ASKED, "key_prefix": "shop:", "redis_users": more})
    keys = [word for word in users["celery"].split() if word[0] in "~&"]
    assert keys[0] == "~shop:*"
    assert all(word[1:].startswith("shop:") for word in keys)
    assert users["celery"].endswith(" +sort")
    assert users["exporter"] == more["exporter"]


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        (
            {"password": "your_broker_password_here"},
            "broker_password = your_broker_password_here: the placeholder is not a password; make one "
            "(openssl rand -hex 24) and keep it with ansible-vault",
        ),
        (
            {"password": "", "monitor_password": "look"},
            "broker_monitor_password = (hidden): without broker_password every client may do what a worker "
            "may; set broker_password too",
        ),
        (
            {"redis_users": {"celeryops": "on +@all"}},
            "broker_redis_users.celeryops = (hidden): this user is the role's own; choose another name",
        ),
        (
            {"redis_users": {"web": "on >plain +@all"}},
            "broker_redis_users.web = (hidden): a password would stand in the file as it is; "
            "give its hash: #$(printf %s PASSWORD | sha256sum)",
        ),
    ],
)
def test_what_is_refused(asked: dict[str, Any], problem: str) -> None:
    """No message holds a password."""
    found = redis_acl.problems(redis_acl.read({**ASKED, **asked}))
    assert [one.text("hub") for one in found] == [f"hub: {problem}"]


@pytest.mark.parametrize(
    ("prefix", "sound"), [("", True), ("shop:", True), ("a.b-", True), ("shop", False), ("s*:", False)]
)
def test_prefix(prefix: str, sound: bool) -> None:
    """Celery would add a mark to one without, and a star would open all keys."""
    assert (redis_acl.prefix_problems(prefix) == []) is sound
