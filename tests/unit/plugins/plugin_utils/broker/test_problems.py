# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is refused before anything changes."""

from __future__ import annotations

from typing import Any

import pytest
from asking import broker_problems_of as problems

FACTS: dict[str, Any] = {"celeryops": {"memory_mb": 2048}}
SINGLE = {"celery_broker": ["hub"], "celery_queue_mail": ["hub"], "celery_beat": ["hub"]}
FLEET = {"celery_broker": ["hub"], "celery_queue_mail": ["w1", "w2"], "celery_flower": ["w1"]}
OPEN = {"bind": ["127.0.0.1", "10.0.0.5"], "password": "s3cret"}


@pytest.mark.parametrize(
    ("asked", "groups"),
    [
        ({}, SINGLE),
        (OPEN, FLEET),
        ({"address": "127.0.0.1"}, FLEET),  # a tunnel on every host
        ({"redis_settings": {"appendfsync": "always"}}, SINGLE),
        ({"port": "6380", "maxmemory_mb": "50", "password": 12345}, SINGLE),  # as -e gives them, or YAML
        ({"type": "external", "url": "amqps://app:pw@mq.example//"}, {}),
    ],
)
def test_what_is_well(asked: dict[str, Any], groups: dict[str, list[str]]) -> None:
    """A sound inventory has no problem."""
    assert problems(groups, "hub", FACTS, **asked) == []


@pytest.mark.parametrize(
    ("asked", "groups", "problem"),
    [
        (
            {"bind": ["127.0.0.1", "-10.0.0.5"]},
            FLEET,
            "hub: broker_password = '': broker_bind = ['127.0.0.1', '-10.0.0.5'] lets anyone who reaches "
            "10.0.0.5 run tasks; set broker_password, or let it listen on 127.0.0.1 only",
        ),
        (
            {"password": "your_broker_password_here"},
            SINGLE,
            "hub: broker_password = your_broker_password_here: the placeholder is not a password; make one "
            "(openssl rand -hex 24) and keep it with ansible-vault",
        ),
        (
            {},
            FLEET,
            "hub: broker_bind = ['127.0.0.1']: w1, w2 cannot reach a broker that listens on loopback only; "
            "add the address at which they reach hub, and set broker_password",
        ),
        (
            {"type": "kafka"},
            SINGLE,
            "hub: broker_type = kafka: no such broker; use one of redis, rabbitmq, external",
        ),
        (
            {"url": "redis://:hush@elsewhere/0"},
            SINGLE,
            "hub: broker_url = redis://***@elsewhere/0: it names an external broker, and broker_type = "
            "redis asks for one of our own; set one of the two",
        ),
        (
            {"type": "external", "url": "sqs://queue"},
            {},
            "hub: broker_url = sqs://queue: not the URL of a broker; "
            "set it to a URL of scheme redis, rediss, sentinel, amqp, amqps",
        ),
        ({"port": "http"}, SINGLE, "hub: broker_port = http: not a whole number; set one"),
        ({"port": 70000}, SINGLE, "hub: broker_port = 70000: not a TCP port; use 1 to 65535"),
        (
            {"bind": []},
            SINGLE,
            "hub: broker_bind = []: it listens nowhere; name an address, 127.0.0.1 for one",
        ),
        (
            {"maxmemory_mb": 300},
            SINGLE,
            "hub: broker_maxmemory_mb = 300: it needs 632 MB (2 x maxmemory + 32 MB) and may use "
            "256 of 2048 MB, for it shares the host; lower it, raise broker_memory_max_mb, or give the "
            "broker a larger host",
        ),
        (
            {"tls_certificate": "PEM", "tls_key": "PEM"},
            SINGLE,
            "hub: broker_tls_certificate = (hidden): broker_tls_ca is missing, and clients need all three; "
            "set it, or none for a CA of the role's own",
        ),
        (
            {"redis_settings": {"MaxMemory-Policy": "allkeys-lru"}},
            SINGLE,
            "hub: broker_redis_settings.MaxMemory-Policy = allkeys-lru: not set here; "
            "leave it out: any other than noeviction loses queues",
        ),
    ],
)
def test_what_is_refused(asked: dict[str, Any], groups: dict[str, list[str]], problem: str) -> None:
    """Each problem names the host, the variable, the value and the fix."""
    assert problems(groups, "hub", FACTS, **asked) == [problem]


def test_a_host_that_only_uses_the_broker() -> None:
    """It is not asked to run it, and must be able to reach it."""
    assert problems(FLEET, "w1", FACTS, bind=["0.0.0.0"]) == []
    assert problems({"celery_queue_mail": ["w1"]}, "w1", FACTS) == [
        "w1: group celery_broker = []: a fleet has a broker, and this inventory names none; put one host "
        "in celery_broker, or set broker_url to the URL of a broker that runs elsewhere"
    ]


def test_a_password_is_never_in_a_problem() -> None:
    """Whatever else is wrong."""
    asked: dict[str, Any] = {
        "password": "s3cret",
        "bind": [],
        "port": 0,
        "maxmemory_mb": 9**9,
        "redis_settings": {"dir": "/"},
    }
    told = problems(FLEET, "hub", FACTS, **asked)
    assert [line.split()[1] for line in told] == [
        "broker_bind",
        "broker_port",
        "broker_bind",
        "broker_maxmemory_mb",
        "broker_redis_settings.dir",
    ]
    assert "s3cret" not in "\n".join(told)


@pytest.mark.parametrize(("room", "told"), [(335, True), (336, False), (None, False)])
def test_the_append_only_file_fits_the_disk(room: int | None, told: bool) -> None:
    """Or the play ends before a full disk ends the broker."""
    facts = {"celeryops": {"memory_mb": 2048, "state_room_mb": {"/var/lib/redis": room}}}
    problem = (
        "hub: broker_maxmemory_mb = 0: its append-only file may need 336 MB (3 x 112), and /var/lib/redis "
        "has room for 335; set it to 111 or less, or give /var/lib/redis a larger disk"
    )
    assert problems(SINGLE, "hub", facts) == ([problem] if told else [])
