# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The URL of RabbitMQ, and what it may use."""

from __future__ import annotations

import re
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import rabbitmq, url
from hypothesis import given
from hypothesis import strategies as st
from kombu.connection import Connection
from kombu.utils.url import parse_url
from unit.plugins.plugin_utils.broker.rabbitmq_fleet import ONE, THREE, read


def broker_url(groups: dict[str, list[str]], host: str, login: str = "worker", **given: Any) -> str:
    """Return the URL at which a host reaches the broker."""
    fleet = read(**given)
    return url.reached(url.place(host, fleet, groups), fleet[host], login)[0]


def test_the_url_of_one_node() -> None:
    """A host of the fleet, the broker's own, and one with TLS."""
    assert broker_url(ONE, "w1") == "amqp://celery:p%40%2Fss@hub:5672/celery"
    assert broker_url(ONE, "hub") == "amqp://celery:p%40%2Fss@127.0.0.1:5672/celery"
    encrypted = broker_url(ONE, "w1", broker_tls=True)
    assert encrypted.startswith("amqps://")
    assert encrypted.endswith("@hub:5671/celery")
    monitor = broker_url(ONE, "w1", "monitor", broker_monitor_password="m")
    assert monitor == "amqp://celery-monitor:m@hub:5672/celery"
    assert url.with_database(encrypted, 1) == encrypted


def test_the_hosts_of_a_fleet_begin_with_different_nodes() -> None:
    """Each knows all of them."""
    urls = [broker_url(THREE, host).split(";") for host in ("w1", "w2", "w3", "w4")]
    assert [re.findall("@(.):", ";".join(each)) for each in urls] == [
        ["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"], ["a", "b", "c"]
    ]  # fmt: skip


@given(password=st.text(min_size=1), vhost=st.text(min_size=1, max_size=20))
def test_celery_reads_back_any_password_and_vhost(password: str, vhost: str) -> None:
    """What kombu takes out of the URL is what was put in."""
    found = url.with_login(rabbitmq.url(["hub"], 5672, vhost), "celery", password)
    parts = parse_url(found)
    assert (parts["password"], parts["hostname"], parts["port"]) == (password, "hub", 5672)
    assert Connection(found).virtual_host == vhost


@given(memory=st.integers(rabbitmq.LEAST_MEMORY_MB, 2**20))
def test_what_it_holds_fits_its_unit(memory: int) -> None:
    """The watermark and the log of the quorum queues, on any host."""
    limits = rabbitmq.Limits(memory)
    assert limits.watermark_mb + limits.wal_mb < memory
    assert rabbitmq.LEAST_WAL_MB <= limits.wal_mb <= rabbitmq.MOST_WAL_MB
