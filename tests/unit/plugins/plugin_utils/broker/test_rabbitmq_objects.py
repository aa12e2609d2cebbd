# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who may do what in RabbitMQ, and which tasks become dead letters."""

from __future__ import annotations

import re

import pytest
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import (
    rabbitmq,
    rabbitmq_objects,
)

# What Celery makes: queues and exchanges of tasks, remote control, events, replies, delayed delivery.
CONTROL = ("w1@hub.celery.pidbox", "celery.pidbox", "reply.celery.pidbox", "celeryev", "celeryev.2f0c",
           "e3b0c442-98fc-1c14-9afb-f4c8996fb924.reply.celery.pidbox")  # fmt: skip

TASKS = ("mail", "a.b", "celery_delayed_27", "celery_delayed_delivery")


@pytest.mark.parametrize("name", CONTROL + TASKS)
def test_a_worker_may_make_fill_and_read_what_celery_makes(name: str) -> None:
    assert all(re.search(right, name) for right in rabbitmq_objects.worker_rights())


@pytest.mark.parametrize("right", [0, 1, 2])
def test_nobody_touches_dead_letters_and_a_monitor_no_task(right: int) -> None:
    worker, monitor = rabbitmq_objects.worker_rights()[right], rabbitmq_objects.monitor_rights()[right]
    assert not re.search(worker, "dead-letters")
    assert re.search(worker, "dead-letters-of-mine")
    assert [name for name in ("dead-letters", "amq.default", *TASKS) if re.search(monitor, name)] == []
    assert [name for name in CONTROL if not re.search(monitor, name)] == []


# "" and amq.default are the one that leads to each queue by its name.
FOREIGN = ("mail", "celery", "amq.default", "amq.topic", "", "celeryevents", "celery.pidbox.x", "x.celeryev")


@pytest.mark.parametrize("exchange", FOREIGN)
def test_a_monitor_binds_itself_to_no_exchange_of_tasks(exchange: str) -> None:
    """To bind takes the right to read the exchange; to dead-letter to it, the right to write there."""
    assert [right for right in rabbitmq_objects.monitor_rights() if re.search(right, exchange)] == []


@pytest.mark.parametrize("name", [*CONTROL, "dead-letters", "celery_delayed_0", "celery_delayed_27",
                                  "e3b0c442-98fc-1c14-9afb-f4c8996fb924"])  # fmt: skip
def test_only_tasks_become_dead_letters(name: str) -> None:
    pattern = rabbitmq_objects.policies(rabbitmq.Asked())["tasks"]["pattern"]
    assert not re.search(pattern, name)
    assert re.search(pattern, "mail")
    assert re.search(pattern, f"tasks-{name[:8]}")
