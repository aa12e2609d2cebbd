# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What preflight says of one role of a host, as the action asks it, without any play."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory import asked, reader
from reference.roles import roles

# What the roles' own templates say where the inventory sets nothing.
BY_TEMPLATE = {
    "broker_memory_max_mb": 0,
    "broker_port": 6379,
    "broker_type": "redis",
    "celery_app_broker_url": "redis://127.0.0.1:6379/0",
    "celery_app_task_soft_time_limit": 270,
    "logrotate_log_destination": "journal",
}
BROKER = next(role for role in roles() if role.name == "broker")
BY_ITSELF = {name: value for role in roles() for name, value in role.defaults.items()} | {
    name: None for role in roles() for name, value in role.defaults.items() if "{{" in str(value)
}


def values(**given: Any) -> dict[str, Any]:
    """Return every variable of a host's roles, those that the inventory does not give by their defaults."""
    rabbitmq, tls = given.get("broker_type") == "rabbitmq", given.get("broker_tls")
    by_template = {**BY_TEMPLATE, "broker_port": (5671 if tls else 5672) if rabbitmq else 6379}
    return {**BY_ITSELF, **by_template, **given}


def broker_asked(**given: Any) -> dict[str, Any]:
    """Return the variables of the role broker without their prefix, as its filters take them."""
    own = values(**{f"broker_{name}": value for name, value in given.items()})
    names = [name for name in BROKER.internals["__broker_asked"] if name != "rabbitmq"]
    rabbitmq = {"rabbitmq": given["rabbitmq"]} if "rabbitmq" in given else {}
    return {**{name: own[f"broker_{name}"] for name in names}, **rabbitmq}


def problems_of(
    role: str,
    host: str,
    groups: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any] | None = None,
    hostvars: Mapping[str, Mapping[str, Any]] | None = None,
    play_hosts: Sequence[str] = (),
    **given: Any,
) -> list[str]:
    """Return the messages of a role.

    :param hostvars: what the inventory gives for each host beside; facts of theirs among them.
    :param given: variables of the inventory for all hosts; others have their defaults.
    """
    hosts = list(play_hosts or groups.get("celery") or [host])
    others = hostvars or {}
    read = {
        name: values(**{**given, **others.get(name, {})})
        for name in dict.fromkeys([*reader.members(groups), *hosts, host])
    }
    looked = {name: own.get("ansible_facts", {}).get("celeryops", {}) for name, own in others.items()}
    states = {name: found["redis"] for name, found in looked.items() if "redis" in found}
    fleet = {
        "read": read,
        "states": states,
        "timers": reader.fleet_timers(read, groups, [host]),
        "chosen_visibility_timeout": reader.chosen_visibility(read, read),
        "hosts": {host: reader.host_settings(host, read, groups, states=states)},
    }
    return asked.problems(role, asked.Asked(host, read[host], facts or {}, groups, hosts, fleet))


def broker_problems_of(
    groups: Mapping[str, Sequence[str]],
    host: str,
    facts: Mapping[str, Any],
    hostvars: Mapping[str, Mapping[str, Any]] | None = None,
    **given: Any,
) -> list[str]:
    """Return the messages of the role broker.

    :param given: its variables without their prefix.
    """
    return problems_of(
        "broker", host, groups, facts, hostvars, **{f"broker_{name}": value for name, value in given.items()}
    )
