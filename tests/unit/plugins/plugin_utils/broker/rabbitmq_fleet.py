# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A fleet with a RabbitMQ of one node, and one of three."""

from __future__ import annotations

from typing import Any

OWN = {"vhost": "celery", "consumer_timeout": 3600}
ASKED: dict[str, Any] = {
    "type": "rabbitmq", "url": "", "address": "", "bind": ["0.0.0.0"], "port": 5672, "password": "s3cret",
    "monitor_password": "m", "replica_password": "", "previous_passwords": [], "default_user": False,
    "key_prefix": "",
    "redis_users": {}, "redis_settings": {}, "tls": False, "tls_certificate": "", "tls_key": "", "tls_ca": "",
    "memory_max_mb": 0, "maxmemory_mb": 0, "rabbitmq": OWN,
}  # fmt: skip
ONE = {"celery_broker": ["hub"], "celery_queue_mail": ["w1"]}
THREE = {"celery_broker": ["a", "b", "c"], "celery_queue_mail": ["w1", "w2", "w3", "w4"]}
FACTS = {"celeryops": {"memory_mb": 2048}}
COOKIE = {**OWN, "cookie": "c00kie"}


def hostvars(**shared: Any) -> dict[str, dict[str, Any]]:
    """Return the variables of all hosts, those of the group `celery` among them."""
    common = {"broker_type": "rabbitmq", "broker_bind": ["0.0.0.0"], "broker_password": "p@/ss", **shared}
    return {host: dict(common) for host in ("hub", "a", "b", "c", "w1", "w2", "w3", "w4")}
