# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Where each host finds the broker."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import redis
from ansible_collections.celeryops.systemd.plugins.filter.broker import broker_url as broker_url_filter
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import public_url
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker.url import broker_url
from celery import Celery
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils.url import parse_url

GROUPS = {"celery_broker": ["hub"]}


def inventory(
    hub: dict[str, Any] | None = None, worker: dict[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Return the variables of a broker host and a worker host."""
    return {"hub": hub or {}, "w1": worker or {}}


@pytest.mark.parametrize(
    ("hub", "host", "url"),
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
def test_derived_from_the_broker_host(hub: dict[str, Any], host: str, url: str) -> None:
    """The broker's own variables say where it is."""
    assert broker_url(inventory(hub), GROUPS, host) == url


@pytest.mark.parametrize(
    ("hub", "login", "url"),
    [
        ({"broker_password": "w"}, "worker", "redis://celery:w@hub:6379/0"),
        ({"broker_password": "w"}, "monitor", "redis://celery:w@hub:6379/0"),
        (
            {"broker_password": "w", "broker_monitor_password": "m"},
            "monitor",
            "redis://celery-monitor:m@hub:6379/0",
        ),
        (
            {"broker_tls": "true"},
            "worker",
            "rediss://hub:6379/0?ssl_cert_reqs=required&ssl_ca_certs=/etc/ssl/celery-broker-ca.pem"
            "&ssl_check_hostname=true",
        ),
        ({"broker_password": "w", "broker_monitor_password": "m"}, "none", "redis://hub:6379/0"),
    ],
)
def test_whom_it_logs_in(hub: dict[str, Any], login: str, url: str) -> None:
    """A monitor has a user of its own where it has a password."""
    assert broker_url(inventory(hub), GROUPS, "w1", login=login) == url


def test_every_client_checks_the_name_in_the_certificate() -> None:
    """redis-py before 6 does not unless it is told, and each of them reads the URL its own way."""
    url = broker_url(inventory({"broker_tls": True}), GROUPS, "w1")
    app = Celery(set_as_current=False, broker=url, backend=url)
    assert app.connection_for_read().ssl["ssl_check_hostname"] is True
    assert app.backend.connparams["ssl_check_hostname"] in (True, "true")
    redbeat: Any = redis.ConnectionPool.from_url(url)
    assert redbeat.connection_kwargs["ssl_check_hostname"] is True


@given(password=st.text(min_size=1))
def test_celery_reads_back_any_password(password: str) -> None:
    """What Celery (kombu) takes out of the URL is what was put in."""
    url = broker_url(inventory({"broker_password": password}), GROUPS, "w1", database=1)
    read = parse_url(url)
    assert (read["hostname"], read["port"], read["virtual_host"]) == ("hub", 6379, "1")
    assert unquote(urlsplit(url).password or "") == password == read["password"]
    assert quoted_password(url) not in public_url(url)


def quoted_password(url: str) -> str:
    """Return the login part as it stands in the URL."""
    return url.removeprefix("redis://").rpartition("@")[0] + "@"


def test_external_url_wins_and_keeps_its_words() -> None:
    """An operator's URL is passed on as it is; another database is put in its place."""
    url = "rediss://app:pw@redis.example:6380/3?ssl_cert_reqs=required"
    variables = inventory(worker={"broker_url": url})
    assert broker_url(variables, {}, "w1") == url
    assert broker_url(variables, {}, "w1", database=5) == url.replace("/3?", "/5?")


def test_amqp_has_no_databases() -> None:
    """Its URL stays."""
    url = "amqp://app:hush@mq.example//"
    assert broker_url(inventory(worker={"broker_url": url}), {}, "w1", database=1) == url


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
        broker_url(inventory(hub), groups, "w1")


def test_where_results_can_be() -> None:
    """Redis holds them, beside the queues; RabbitMQ cannot, and the app's code says where they are."""
    ask = partial(broker_url_filter, groups=GROUPS, host="hub", database=2)
    assert ask(inventory(), results=True) == "redis://127.0.0.1:6379/2"
    rabbitmq = inventory({"broker_type": "rabbitmq", "broker_password": "w"})
    assert ask(rabbitmq) == "amqp://celery:w@127.0.0.1:5672/celery"
    assert ask(rabbitmq, results=True) is None
