# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Where each host finds the broker."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import redis
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import public_url
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import url
from asking import values
from celery import Celery
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils.url import parse_url

GROUPS = {"celery_broker": ["hub"]}


def broker_url(
    host: str,
    hub: dict[str, Any] | None = None,
    groups: dict[str, list[str]] | None = None,
    login: str = "worker",
    **worker: Any,
) -> str:
    """Return the URL at which a broker's host or a worker's reaches the broker."""
    read = {"hub": values(**(hub or {})), "w1": values(**worker)}
    place = url.place(host, read, GROUPS if groups is None else groups)
    given = {**read[host], **{name: read[other][name] for name, other in place["elsewhere"].items()}}
    return url.reached(place, given, login)[0]


@pytest.mark.parametrize(
    ("hub", "host", "found"),
    [
        ({}, "hub", "redis://127.0.0.1:6379/0"),
        ({}, "w1", "redis://hub:6379/0"),
        ({"ansible_host": "10.0.0.5"}, "w1", "redis://10.0.0.5:6379/0"),
        ({"ansible_host": "203.0.113.5", "broker_address": "10.0.0.5"}, "w1", "redis://10.0.0.5:6379/0"),
        ({"broker_address": "fd00::5"}, "w1", "redis://[fd00::5]:6379/0"),
        ({"broker_address": "fd00::5", "broker_bind": ["0.0.0.0"]}, "hub", "redis://127.0.0.1:6379/0"),
        ({"broker_bind": ["10.0.0.5"]}, "hub", "redis://10.0.0.5:6379/0"),
        ({"broker_bind": ["*", "-::*"]}, "hub", "redis://127.0.0.1:6379/0"),
        ({"broker_bind": ["-::1"]}, "hub", "redis://[::1]:6379/0"),
        (
            {"broker_port": "6380", "broker_password": "p@ss/:%#?"},
            "w1",
            "redis://celery:p%40ss%2F%3A%25%23%3F@hub:6380/0",
        ),
    ],
)
def test_derived_from_the_broker_host(hub: dict[str, Any], host: str, found: str) -> None:
    """The broker's own variables say where it is."""
    assert broker_url(host, hub) == found


@pytest.mark.parametrize(
    ("hub", "login", "found"),
    [
        ({"broker_password": "w"}, "worker", "redis://celery:w@hub:6379/0"),
        ({"broker_password": "w"}, "monitor", "redis://celery:w@hub:6379/0"),
        (
            {"broker_password": "w", "broker_monitor_password": "m"},
            "monitor",
            "redis://celery-monitor:m@hub:6379/0",
        ),
        (
            {"broker_tls": True},
            "worker",
            "rediss://hub:6379/0?ssl_cert_reqs=required&ssl_ca_certs=/etc/ssl/celery-broker-ca.pem"
            "&ssl_check_hostname=true",
        ),
    ],
)
def test_whom_it_logs_in(hub: dict[str, Any], login: str, found: str) -> None:
    """A monitor has a user of its own where it has a password."""
    assert broker_url("w1", hub, login=login) == found


def test_every_client_checks_the_name_in_the_certificate() -> None:
    """redis-py before 6 does not unless it is told, and each of them reads the URL its own way."""
    found = broker_url("w1", {"broker_tls": True})
    app = Celery(set_as_current=False, broker=found, backend=found)
    assert app.connection_for_read().ssl["ssl_check_hostname"] is True
    assert app.backend.connparams["ssl_check_hostname"] in (True, "true")
    redbeat: Any = redis.ConnectionPool.from_url(found)
    assert redbeat.connection_kwargs["ssl_check_hostname"] is True


@given(password=st.text(min_size=1))
def test_celery_reads_back_any_password(password: str) -> None:
    """What Celery (kombu) takes out of the URL is what was put in."""
    found = url.with_database(broker_url("w1", {"broker_password": password}), 1)
    read = parse_url(found)
    assert (read["hostname"], read["port"], read["virtual_host"]) == ("hub", 6379, "1")
    assert unquote(urlsplit(found).password or "") == password == read["password"]
    assert quoted_password(found) not in public_url(found)


def quoted_password(found: str) -> str:
    """Return the login part as it stands in the URL."""
    return found.removeprefix("redis://").rpartition("@")[0] + "@"


def test_external_url_wins_and_keeps_its_words() -> None:
    """An operator's URL is passed on as it is; another database is put in its place."""
    given = "rediss://app:pw@redis.example:6380/3?ssl_cert_reqs=required"
    assert broker_url("w1", groups={}, broker_url=given) == given
    assert url.with_database(given, 5) == given.replace("/3?", "/5?")


def test_amqp_has_no_databases() -> None:
    """Its URL stays."""
    given = "amqp://app:hush@mq.example//"
    assert url.with_database(broker_url("w1", groups={}, broker_url=given), 1) == given


@pytest.mark.parametrize(
    ("hub", "groups", "words"),
    [
        (
            {},
            {},
            r"w1: group celery_broker = \[\].*names none; put one host in celery_broker, or set broker_url",
        ),
        ({"ansible_host": "127.0.0.1"}, GROUPS, "w1: broker_address = ''.*set broker_address on hub"),
    ],
)
def test_no_way_to_the_broker(hub: dict[str, Any], groups: dict[str, list[str]], words: str) -> None:
    """Each failure names the host, the variable, the value and the fix."""
    with pytest.raises(ValueError, match=words):
        broker_url("w1", hub, groups)


def test_a_password_that_both_have_is_asked_of_nobody_else() -> None:
    """Variables of another host cost a task a walk through the inventory, and know nothing of the play's."""
    hub = values(broker_password="w", broker_monitor_password="m")
    place = url.place("w1", {"hub": hub, "w1": values(broker_password="w")}, GROUPS)
    assert place["elsewhere"] == {"broker_monitor_password": "hub"}
    assert not {"w", "m"} & set(str(place).split("'"))


def test_whom_nobody_logs_in() -> None:
    with pytest.raises(ValueError, match=r"login = moniter: .*monitor"):
        broker_url("w1", login="moniter")
