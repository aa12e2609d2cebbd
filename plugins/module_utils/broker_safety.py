# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which brokers would lose tasks, or refuse them, and the fix for each."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ansible_collections.celeryops.systemd.plugins.module_utils.amqp import AmqpRefusedError
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import (
    BrokerError,
    NotReadyError,
)

# kombu 5.7 writes the bindings of queues that expire with ZADD GT.
OLDEST_REDIS = (6, 2)
# At-least-once dead letters, which delayed delivery rests on.
OLDEST_RABBITMQ = (3, 10)
_FIX_LOGIN = "fix broker_password or the login in broker_url"
_ACCESS_REFUSED = 403


def unsafe_redis(settings: Mapping[str, str]) -> list[str]:
    """Return which settings of a Redis would lose tasks, each with its fix."""
    unsafe = []
    policy = settings.get("maxmemory_policy", "")
    if policy.startswith("allkeys-"):
        unsafe.append(
            f"maxmemory-policy = {policy}: Redis throws queues away when its memory is full; set noeviction"
        )
    if settings.get("role") == "slave":
        unsafe.append("role = slave: a replica takes no tasks; name the primary")
    if settings.get("cluster_enabled") == "1":
        unsafe.append("cluster-enabled = yes: Celery cannot use a Redis Cluster; name a Redis without it")
    return unsafe


def doubtful_redis(version: str, settings: Mapping[str, str]) -> list[str]:
    """Return what is no reason to refuse, yet to be known before the first outage."""
    doubtful = []
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and tuple(map(int, numbers.groups())) < OLDEST_REDIS:
        oldest = ".".join(map(str, OLDEST_REDIS))
        doubtful.append(f"version = {version}: kombu 5.7 needs {oldest} (ZADD GT); update it")
    policy = settings.get("maxmemory_policy", "")
    if policy.startswith("volatile-"):
        doubtful.append(f"maxmemory-policy = {policy}: a full Redis throws results away; set noeviction")
    if settings.get("aof_enabled") == "0":
        doubtful.append(
            "appendonly = no: a restart loses the tasks that came after the last snapshot; set appendonly yes"
        )
    return doubtful


def doubtful_amqp(product: str, version: str, takes_global_qos: bool) -> list[str]:
    """Return what an operator should know of an AMQP broker before the first outage."""
    doubtful = []
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if product == "rabbitmq" and numbers and tuple(map(int, numbers.groups())) < OLDEST_RABBITMQ:
        oldest = ".".join(map(str, OLDEST_RABBITMQ))
        doubtful.append(f"version = {version}: quorum queues and delayed delivery need {oldest}; update it")
    if not takes_global_qos:
        doubtful.append(
            "global QoS = refused: workers need celery and kombu 5.7, and quorum queues or a prefetch count"
            " for each consumer; set task_default_queue_type: quorum in celery_app_settings"
        )
    return doubtful


def redis_refusal(reply: str, database: str) -> BrokerError:
    """Return what an error reply of Redis means for Celery, with the fix."""
    code = reply.partition(" ")[0]
    if code == "LOADING":
        return NotReadyError("it still loads its data; wait")
    if code in ("NOAUTH", "WRONGPASS") or "AUTH" in reply:
        return BrokerError(f"it refuses the login ({reply}); {_FIX_LOGIN}")
    if "DB index" in reply or "SELECT" in reply:
        return BrokerError(f"it has no database {database} ({reply}); name one that it has")
    return BrokerError(f"it refuses to serve ({reply})")


def amqp_refusal(refusal: AmqpRefusedError, vhost: str) -> BrokerError:
    """Return what a refusal of an AMQP broker means for Celery, with the fix."""
    if refusal.code == _ACCESS_REFUSED and "vhost" not in str(refusal):
        return BrokerError(f"it refuses the login ({refusal}); {_FIX_LOGIN}")
    if "vhost" in str(refusal):
        return BrokerError(f"it has no vhost {vhost} for this user ({refusal}); name one that it has")
    return BrokerError(f"it refuses to serve ({refusal.code} {refusal})")
