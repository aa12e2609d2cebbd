# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What of a RabbitMQ's users, rights and policies has to be changed."""

from __future__ import annotations

from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import rabbitmq as api
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import rabbitmq, rabbitmq_objects
from hypothesis import given
from hypothesis import strategies as st


def wanted(**asked: Any) -> dict[str, Any]:
    """Return what the module is given."""
    own, _wrong = rabbitmq.read({"vhost": "celery", "consumer_timeout": 3600, **asked})
    return rabbitmq_objects.objects("s3cret", "m", own)


def steps(now: dict[str, Any], version: str = "4.0.5", **asked: Any) -> list[api.Step]:
    """Return what differs."""
    objects = wanted(**asked)
    return api.steps(now, version, **objects)


def done(now: dict[str, Any], todo: list[api.Step]) -> dict[str, Any]:
    """Return the definitions after the steps, as the management API then gives them."""
    after = {kind: [dict(row) for row in rows] for kind, rows in now.items()}
    for step in todo:
        kind, *names = step.path.split("/")
        rows = after.setdefault(kind, [])
        if kind in ("users", "vhosts"):
            row = {"name": names[0]}
        elif kind == "bindings":
            row = {"vhost": names[0], "source": names[2], "destination": names[4]}
        else:
            row = {"vhost": names[0], ("user" if kind == "permissions" else "name"): names[1]}
        rows[:] = [other for other in rows if {key: other.get(key) for key in row} != row]
        if step.method != "DELETE":
            rows.append({**row, **step.body})
    return after


FRESH = {
    "users": [{"name": "guest", "password_hash": "x", "tags": ["administrator"]},
              {"name": "celeryops", "password_hash": "y", "tags": "administrator"}],
    "vhosts": [{"name": "/"}],
    "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
}  # fmt: skip


def test_from_a_fresh_broker_to_what_is_asked_and_no_further() -> None:
    """`guest` goes, and a second run changes nothing."""
    todo = steps(FRESH)
    assert [step.what for step in todo] == [
        "add vhost celery", "add user celery", "add user celery-monitor", "remove user guest",
        "set the rights of celeryops", "set the rights of celery", "set the rights of celery-monitor",
        "set policy tasks", "set policy dead-letters",
        "add exchange dead-letters", "add queue dead-letters", "bind queue dead-letters",
    ]  # fmt: skip
    after = done(FRESH, todo)
    assert steps(after) == []
    assert [row["name"] for row in after["users"]] == ["celeryops", "celery", "celery-monitor"]


def test_what_changes_is_told_alone() -> None:
    """A password, a limit, a user that is no longer named."""
    now = done(FRESH, steps(FRESH, users={"exporter": {"password": "x"}}))
    changed = steps(now, delivery_limit=5)
    assert [step.what for step in changed] == ["remove user exporter", "set policy tasks"]
    row = next(row for row in now["users"] if row["name"] == "celery")
    row["password_hash"] = api.salted("another")
    assert [step.what for step in steps(now)] == [
        "change the password of user celery",
        "remove user exporter",
    ]


def test_no_step_holds_a_password() -> None:
    """Only salted hashes leave the host's memory."""
    assert "s3cret" not in str(steps(FRESH))


def test_an_older_rabbitmq_is_told_of_no_consumer_timeout() -> None:
    """It refuses a policy that it does not know."""
    (old,) = [step.body["definition"] for step in steps(FRESH, "3.10.8") if step.what == "set policy tasks"]
    (new,) = [step.body["definition"] for step in steps(FRESH, "3.12.0") if step.what == "set policy tasks"]
    assert set(new) - set(old) == {"consumer-timeout"}


@given(password=st.text(), other=st.text())
def test_a_salted_hash_is_of_its_password_alone(password: str, other: str) -> None:
    """Each has a salt of its own."""
    kept = api.salted(password)
    assert api.matches(password, kept)
    assert api.matches(other, kept) == (other == password)


def test_the_hash_is_rabbitmqs() -> None:
    """The example of "Credentials and Passwords": test12 with the salt 908D C60A."""
    kept = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    assert api.matches("test12", kept)
    assert not api.matches("test13", kept)
    assert not api.matches("test12", "")
