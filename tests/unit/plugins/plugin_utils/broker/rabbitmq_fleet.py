# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A fleet with a RabbitMQ of one node, and one of three."""

from __future__ import annotations

from typing import Any

from asking import broker_asked, values

OWN = {"vhost": "celery", "consumer_timeout": 3600}
ASKED = broker_asked(type="rabbitmq", bind=["0.0.0.0"], password="s3cret", monitor_password="m", rabbitmq=OWN)
ONE = {"celery_broker": ["hub"], "celery_queue_mail": ["w1"]}
THREE = {"celery_broker": ["a", "b", "c"], "celery_queue_mail": ["w1", "w2", "w3", "w4"]}
FACTS = {"celeryops": {"memory_mb": 2048}}
COOKIE = {**OWN, "cookie": "c00kie"}


def read(**given: Any) -> dict[str, dict[str, Any]]:
    """Return the variables of all hosts."""
    common = {"broker_type": "rabbitmq", "broker_bind": ["0.0.0.0"], "broker_password": "p@/ss", **given}
    return {host: values(**common) for host in ("hub", "a", "b", "c", "w1", "w2", "w3", "w4")}
