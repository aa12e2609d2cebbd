# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wrong with the broker that a host is asked to run, or to use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import PORTS, public_url

from ..inventory.problems import Problem
from . import (
    limits,
    rabbitmq,
    rabbitmq_problems,
    reach,
    redis_acl,
    redis_settings,
    sentinel,
    variables,
)
from .address import GROUP, peer_addresses

TYPES = ("redis", "rabbitmq", "external")


def broker_problems(
    asked: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    host: str,
    memory_mb: int,
    room_mb: int | None = None,
    read: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Problem]:
    """Return what is wrong with the broker that ``host`` is asked to run, or to use.

    :param asked: The role's variables without their prefix, see ``variables.BrokerSettings``.
    :param groups: Hosts of every inventory group.
    :param host: Any host of the fleet; the one in the group of the broker is to run it.
    :param memory_mb: Memory of the host.
    :param room_mb: To what the broker's data may grow on the disk of the host; None when that is not known.
    :param read: Variables of every broker, which tell how the nodes of a cluster find each other.
    """
    settings = variables.read(asked)
    if isinstance(settings, list):
        return settings
    if found := redis_acl.prefix_problems(settings.access.key_prefix):
        return found
    if settings.type == "external":
        return _external_problems(settings.url)
    if settings.type not in TYPES:
        return [Problem("broker_type", settings.type, "no such broker", f"use one of {', '.join(TYPES)}")]
    if settings.url:
        return [
            Problem(
                "broker_url",
                public_url(settings.url),
                f"it names an external broker, and broker_type = {settings.type} asks for one of our own",
                "set one of the two",
            )
        ]
    if host not in groups.get(GROUP, ()):
        return []
    if settings.type == "rabbitmq":
        return _rabbitmq_problems(settings, asked, groups, host, memory_mb, room_mb, read or {})
    return [
        *sentinel.problems(groups[GROUP], settings.access.replica_password),
        *redis_acl.problems(settings.access),
        *reach.exposure_problems(settings),
        *reach.certificate_problems(settings),
        *reach.reach_problems(settings, groups, host, read or {}),
        *limits.redis_problems(
            groups, host, memory_mb, room_mb, settings.memory_max_mb, settings.maxmemory_mb
        ),
        *redis_settings.problems(settings.redis_settings),
    ]


def _rabbitmq_problems(
    settings: variables.BrokerSettings,
    asked: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    host: str,
    memory_mb: int,
    room_mb: int | None,
    read: Mapping[str, Mapping[str, Any]],
) -> list[Problem]:
    own, wrong = rabbitmq.read(settings.rabbitmq)
    if wrong:
        return wrong
    passwords = redis_acl.Access(settings.password, settings.access.monitor_password)
    nodes = peer_addresses(read, groups[GROUP])
    return [
        *redis_acl.problems(passwords),
        *rabbitmq_problems.problems(own, asked, nodes, settings.password),
        *reach.certificate_problems(settings),
        *reach.reach_problems(settings, groups, host, read),
        *limits.rabbitmq_problems(groups, host, memory_mb, room_mb, settings.memory_max_mb),
    ]


def _external_problems(url: str) -> list[Problem]:
    with suppress(ValueError):  # an address that is none
        if urlsplit(url).scheme in PORTS and urlsplit(url).port != 0:
            return []
    fix = f"set it to a URL of scheme {', '.join(PORTS)}"
    return [Problem("broker_url", url and public_url(url), "not the URL of a broker", fix)]
