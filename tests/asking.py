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
    "broker_port": 6379,
    "broker_type": "redis",
    "celery_app_broker_url": "redis://127.0.0.1:6379/0",
    "celery_app_task_soft_time_limit": 270,
    "logrotate_log_destination": "journal",
}
BY_ITSELF = {name: value for role in roles() for name, value in role.defaults.items()} | {
    name: None for role in roles() for name, value in role.defaults.items() if "{{" in str(value)
}


def problems_of(
    role: str,
    host: str,
    groups: Mapping[str, Sequence[str]],
    facts: Mapping[str, Any] | None = None,
    hostvars: Mapping[str, Mapping[str, Any]] | None = None,
    play_hosts: Sequence[str] = (),
    **values: Any,
) -> list[str]:
    """Return the messages of a role.

    :param values: variables of the inventory for this host; others have their defaults.
    """
    own = {**BY_ITSELF, **BY_TEMPLATE, **values}
    hosts = list(play_hosts or groups.get("celery") or [host])
    read = dict.fromkeys([*reader.members(groups), *hosts, host], own)
    fleet = {
        "timers": reader.fleet_timers(read, groups, [host]),
        "chosen_visibility_timeout": reader.chosen_visibility(read, read),
        "hosts": {host: reader.host_settings(host, read, groups)},
    }
    return asked.problems(
        role, asked.Asked(host, own, facts or {}, groups, hostvars or {host: {}}, hosts, fleet)
    )


def broker_problems_of(
    asked: Mapping[str, Any],
    groups: Mapping[str, Sequence[str]],
    host: str,
    facts: Mapping[str, Any],
    hostvars: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """Return the messages of the role broker.

    :param asked: its variables without their prefix.
    """
    return problems_of(
        "broker", host, groups, facts, hostvars, **{f"broker_{name}": value for name, value in asked.items()}
    )
