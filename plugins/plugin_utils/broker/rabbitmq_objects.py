# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The vhost of the fleet's RabbitMQ: its users with what each part of Celery needs, and its policies.

Found with celery 5.7, kombu 5.7 and RabbitMQ 3.10 and 4.0. Sources: rabbitmq.com, "Access Control", "Quorum
Queues"; kombu's native_delayed_delivery.py and pidbox.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .rabbitmq import DEAD, MONITOR, WORKER, Asked

DEAD_DAYS, MOST_DEAD = 14, 100_000
MOST_LOOKS = 1_000_000
DAY_MS, MILLISECONDS = 86_400_000, 1000

# What Celery makes beside the queues of tasks: remote control, events, replies of the rpc backend.
_REPLIES = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_CONTROL = r"(.*\.)?celery\.pidbox|celeryev(\..*)?"
_DELAYED = r"celery_delayed_(\d+|delivery)"


def objects(password: str, monitor_password: str, asked: Asked) -> dict[str, Any]:
    """Return what the vhost is to hold, as the module ``rabbitmq_state`` takes it."""
    return {
        "vhost": asked.vhost,
        "users": users(password, monitor_password, asked),
        "policies": policies(asked),
        "dead_letters": DEAD if asked.queue_type == "quorum" else "",
    }


def users(password: str, monitor_password: str, asked: Asked) -> dict[str, dict[str, Any]]:
    """Return the users by name: how each logs in, its tags, and the names it may make, fill and read."""
    found = {WORKER: {"password": password, "tags": [], **_rights(worker_rights())}}
    if monitor_password:
        found[MONITOR] = {"password": monitor_password, "tags": [], **_rights(monitor_rights())}
    for name, user in asked.users.items():
        found[name] = {"tags": [], **_rights(("", "", "")), **user}
    return found


def _rights(rights: tuple[str, str, str]) -> dict[str, str]:
    return dict(zip(("configure", "write", "read"), rights, strict=True))


def worker_rights() -> tuple[str, str, str]:
    """Return what workers, beat and senders may make, fill and read: all but the dead letters."""
    return rf"^(?!amq\.|{DEAD}$)", f"^(?!{DEAD}$)", rf"^(?!amq\.|{DEAD}$)"


def monitor_rights() -> tuple[str, str, str]:
    """Return what Flower may: hear events, ask workers and hear their replies; no task is sent or taken."""
    own = f"^({_CONTROL})$"
    return own, own, own


def policies(asked: Asked) -> dict[str, dict[str, Any]]:
    """Return the policies of the vhost by name, each as the management API takes it.

    ``consumer-timeout`` is there for a RabbitMQ that knows it.
    """
    tasks: dict[str, Any] = {"consumer-timeout": asked.consumer_timeout * MILLISECONDS}
    if asked.queue_type == "quorum":
        tasks |= {
            "delivery-limit": asked.delivery_limit,
            "dead-letter-exchange": DEAD,
            # Kept until the queue of dead letters has it; for that RabbitMQ wants `overflow` to be this.
            "dead-letter-strategy": "at-least-once",
            "overflow": "reject-publish",
        }
    dead = {
        "message-ttl": DEAD_DAYS * DAY_MS,
        "max-length": MOST_DEAD,
        "overflow": "drop-head",
        # Who looks at one puts it back, and RabbitMQ 4 would drop it after the 20th look.
        "delivery-limit": MOST_LOOKS,
    }
    return {
        "tasks": _policy(rf"^(?!({DEAD}|{_CONTROL}|{_DELAYED}|{_REPLIES})$)", tasks),
        DEAD: _policy(f"^{DEAD}$", dead),
    }


def _policy(pattern: str, definition: Mapping[str, Any]) -> dict[str, Any]:
    return {"pattern": pattern, "apply-to": "queues", "priority": 0, "definition": dict(definition)}
