# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The lines of redis.conf that an operator may set, ``broker_redis_settings``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..inventory.problems import Problem

# A line of redis.conf: its first word, and those after it, some in quotes (sdssplitargs() of Redis 7).
_SETTING = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_WORDS = re.compile(r"""(?:(?:"(?:\\[^\n]|[^"\\\n])*"|'(?:\\'|[^'\n])*'|[^\s"']+)(?:[ \t]+|$))*""")
# Redis settings that another variable decides, or that the role's promises rest on.
OWN_SETTINGS = {
    "bind": "set broker_bind",
    "port": "set broker_port",
    "maxmemory": "set broker_maxmemory_mb",
    "requirepass": "set broker_password",
    "user": "set broker_redis_users",
    "aclfile": "set broker_redis_users",
    "include": "give the settings themselves",
    "tls-port": "set broker_tls",
    "tls-cert-file": "set broker_tls_certificate",
    "tls-key-file": "set broker_tls_key",
    "tls-ca-cert-file": "set broker_tls_ca",
    "maxmemory-policy": "leave it out: any other than noeviction loses queues",
    "appendonly": "leave it out: without it a restart loses queues",
    "dir": "leave it out",
    "replicaof": "leave it out: put several hosts in celery_broker",
    "slaveof": "leave it out: put several hosts in celery_broker",
    "masterauth": "set broker_replica_password",
    "masteruser": "set broker_replica_password",
    "min-replicas-to-write": "leave it out: without it a primary that is cut off takes tasks that get lost",
    "daemonize": "leave it out: systemd runs it",
    "supervised": "leave it out: systemd runs it",
}


def problems(settings: Mapping[str, Any]) -> list[Problem]:
    """Return which settings another variable decides, and which would not be lines of redis.conf."""
    found = [
        Problem(f"broker_redis_settings.{name}", value, "not set here", OWN_SETTINGS[name.lower()])
        for name, value in settings.items()
        if name.lower() in OWN_SETTINGS
    ]
    for name, value in settings.items():
        lines = value if isinstance(value, list) else [value]
        if not _SETTING.fullmatch(str(name)):
            what, fix = "not the name of a setting", "use its name in redis.conf"
        elif not all(_WORDS.fullmatch(str(line)) for line in lines):
            what, fix = "Redis could not read this line", "write it as redis.conf has it, each quote closed"
        else:
            continue
        found.append(Problem(f"broker_redis_settings.{name}", value, what, fix))
    return found
