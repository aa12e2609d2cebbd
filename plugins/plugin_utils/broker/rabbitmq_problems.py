# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wrong with the RabbitMQ that the inventory asks for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils.rabbitmq import ADMIN

from ..inventory.problems import Problem
from .rabbitmq import LEAST_CLUSTER, MONITOR, WORKER, Asked, is_long

QUEUE_TYPES = ("quorum", "classic")
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_SETTING = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_SALTED_HASH = re.compile(r"[A-Za-z0-9+/]{48}")
# Settings of rabbitmq.conf that another variable decides, or that the role's promises rest on.
OWN_SETTINGS = {
    "listeners": "set broker_bind and broker_port",
    "ssl_options": "set broker_tls",
    "vm_memory_high_watermark": "set broker_memory_max_mb",
    "management": "leave it out: it listens on loopback only",
    "cluster_formation": "set the group celery_broker",
    "cluster_partition_handling": "leave it out: any other than pause_minority may lose queues",
    "default_user": "set broker_rabbitmq_users",
    "default_pass": "set broker_rabbitmq_users",
    "load_definitions": "set broker_rabbitmq_users",
    "definitions": "set broker_rabbitmq_users",
    "consumer_timeout": "set broker_rabbitmq_consumer_timeout",
}
# Variables that mean something for Redis only, with what to use instead.
REDIS_ONLY = {
    "previous_passwords": "RabbitMQ has one password for a user",
    "default_user": "RabbitMQ lets in nobody without a name",
    "key_prefix": "set broker_rabbitmq_vhost",
    "redis_users": "set broker_rabbitmq_users",
    "redis_settings": "set broker_rabbitmq_settings",
    "maxmemory_mb": "set broker_memory_max_mb",
}


def problems(
    asked: Asked, others: Mapping[str, Any], places: Mapping[str, str], password: str
) -> list[Problem]:
    """Return what is wrong with the RabbitMQ that is asked for; no problem holds a secret.

    :param asked: The variables ``broker_rabbitmq_*``.
    :param others: The other variables of the role, without their prefix.
    :param places: Where the nodes find each other, by host.
    :param password: The workers'.
    """
    found = [
        Problem(f"broker_{name}", "(hidden)", "of no effect with RabbitMQ", f"leave it out: {fix}")
        for name, fix in REDIS_ONLY.items()
        if others.get(name)
    ]
    if not password:
        what = "RabbitMQ lets in nobody without a password"
        found.append(Problem("broker_password", "", what, "set it"))
    if asked.queue_type not in QUEUE_TYPES:
        fix = f"use one of {', '.join(QUEUE_TYPES)}"
        found.append(Problem("broker_rabbitmq_queue_type", asked.queue_type, "no such type", fix))
    found += _cluster_problems(asked, places)
    found += [problem for name, user in asked.users.items() for problem in _user(str(name), user)]
    found += [
        Problem(f"broker_rabbitmq_settings.{name}", value, "not set here", fix)
        for name, value in asked.settings.items()
        for own, fix in OWN_SETTINGS.items()
        if name == own or name.startswith(f"{own}.")
    ]
    return found + [
        Problem(f"broker_rabbitmq_settings.{name}", value, what, "write it as rabbitmq.conf has it")
        for name, value in asked.settings.items()
        if (what := _no_line(str(name), value))
    ]


def _no_line(name: str, value: object) -> str:
    """Return why a setting would not be a line of rabbitmq.conf, from whose values spaces are cut."""
    if not _SETTING.fullmatch(name):
        return "not the name of a setting"
    if isinstance(value, (Mapping, list)) or not str(value).strip() or str(value) != str(value).strip():
        return "not the value of a setting"
    return "what follows # would be a comment" if "#" in str(value) else ""


def _cluster_problems(asked: Asked, places: Mapping[str, str]) -> list[Problem]:
    if len(places) == 1:
        return []
    hosts = list(places)
    if len(places) < LEAST_CLUSTER or len(places) % 2 == 0:
        what = f"{len(places)} nodes have no majority when one half is lost"
        return [Problem("group celery_broker", hosts, what, "put 1, 3 or 5 hosts in it")]
    found = []
    if not asked.cookie:
        what = "the nodes of a cluster know each other by it"
        fix = "make one (openssl rand -hex 24) and keep it with ansible-vault"
        found.append(Problem("broker_rabbitmq_cookie", "", what, fix))
    if is_long(places.values()) and not all("." in place for place in places.values()):
        what = "some nodes go by a name with a dot and some without, and Erlang takes one kind"
        found.append(Problem("broker_address", list(places.values()), what, "use one kind for all of them"))
    if any(":" in place for place in places.values()):
        what = "a node's name cannot be an address of IPv6"
        found.append(Problem("broker_address", list(places.values()), what, "use names, or IPv4"))
    return found


def _user(name: str, user: object) -> list[Problem]:
    variable = f"broker_rabbitmq_users.{name}"
    if name in (ADMIN, WORKER, MONITOR) or not _NAME.fullmatch(name):
        what = "the role's own" if _NAME.fullmatch(name) else "not a name of letters, digits and _.-"
        return [Problem(variable, "(hidden)", what, "choose another name")]
    keys = {"password", "password_hash", "tags", "configure", "write", "read"}
    if not isinstance(user, Mapping) or set(user) - keys:
        return [Problem(variable, "(hidden)", "not a user", f"give it some of {', '.join(sorted(keys))}")]
    if bool(user.get("password")) == bool(user.get("password_hash")):
        return [Problem(variable, "(hidden)", "one of password and password_hash is needed", "give one")]
    if user.get("password_hash") and not _SALTED_HASH.fullmatch(str(user["password_hash"])):
        what = "not a salted SHA-256 of RabbitMQ"
        fix = "take it from rabbitmqctl hash_password"
        return [Problem(f"{variable}.password_hash", "(hidden)", what, fix)]
    return []
