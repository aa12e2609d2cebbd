# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the roles of a host are asked for, what is wrong with it, and what is only doubtful, role by role."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from .. import flower, logrotate, sandbox
from ..app import celery_version, commands, environment, settings
from ..beat import options
from ..broker import url
from ..broker.limits import host_memory_mb, host_room_mb
from ..broker.problems import broker_problems
from ..plan import leaving, planning, worker_checks
from . import checks
from .problems import Problem
from .reader import HostSettings


@dataclass(frozen=True)
class Asked:
    """What is asked of one host.

    :param host: its name in the inventory.
    :param values: every variable of the collection, each of its type and with its default.
    :param facts: `ansible_facts`, with those of `host_facts`.
    :param groups: as Ansible has them.
    :param play_hosts: the hosts of the play; what concerns the whole fleet is told by the first.
    :param fleet: the fact `celeryops_fleet`, without the plans; besides `read`, the variables of all hosts
        that it comes from, and `states`, what each has of Redis on its disk.
    """

    host: str
    values: Mapping[str, Any]
    facts: Mapping[str, Any]
    groups: Mapping[str, Sequence[str]]
    play_hosts: Sequence[str]
    fleet: Mapping[str, Any]

    def of(self, role: str, *names: str) -> dict[str, Any]:
        """Return these variables of a role without its prefix."""
        return {name: self.values[f"{role}_{name}"] for name in names}

    @property
    def settings(self) -> HostSettings:
        """What the host's roles read of each other."""
        return cast(HostSettings, self.fleet["hosts"][self.host])

    @property
    def is_first(self) -> bool:
        """Whether this host tells what concerns the whole fleet."""
        return not self.play_hosts or self.play_hosts[0] == self.host


def problems(role: str, asked: Asked) -> list[str]:
    """Return what is wrong with what a role is asked for, a message each."""
    try:
        return [problem.text(asked.host) for problem in PROBLEMS[role](asked)] if role in PROBLEMS else []
    except ValueError as error:  # an address of the broker that cannot be, told as a message
        return [str(error)]


def doubts(role: str, asked: Asked) -> list[str]:
    """Return what an operator should know of what a role is asked for, and may want."""
    found = checks.app_doubts(_timeouts(asked)) if role == "celery_app" else []
    return [doubt.text(asked.host) for doubt in found]


def plan(asked: Asked) -> planning.HostPlan:
    """Return the plan of the host; raises PlanError where there cannot be one."""
    queues = asked.values["celery_worker_queues"]
    return planning.worker_plan(queues, asked.host, asked.groups, asked.facts, _defaults(asked))


def leaving_roles(asked: Asked, plan: Mapping[str, Any]) -> list[str]:
    """Return the roles whose traces have to go from the host; none of one that was not planned."""
    found = asked.facts.get("celeryops", {})
    traces = found.get("units", ()), found.get("workers", ())
    return leaving.leaving(asked.host, asked.groups, plan["instances"], *traces) if plan else []


def _celery_host(asked: Asked) -> list[Problem]:
    return checks.host_problems(asked.facts, asked.values["celery_host_supported_releases"])


def _celery_worker(asked: Asked) -> list[Problem]:
    queues, defaults = asked.values["celery_worker_queues"], _defaults(asked)
    found = worker_checks.host_problems(queues, asked.host, asked.groups, asked.facts, defaults)
    if asked.is_first:
        found += worker_checks.fleet_problems(queues, asked.groups)
        found += worker_checks.unserved_problems(queues, asked.groups, asked.play_hosts, defaults)
    return found + _sandbox("celery_worker", asked)


def _defaults(asked: Asked) -> dict[str, Any]:
    """Return the fleet's figures, for queues that set none of their own."""
    own, timers = asked.settings, asked.fleet["timers"][asked.host]
    return {
        "soft_time_limit": timers["soft_time_limit"],
        "time_limit": timers["time_limit"],
        "visibility_timeout": asked.fleet["chosen_visibility_timeout"],
        "consumer_timeout": own["broker"]["consumer_timeout"],
        "longest_countdown": own["longest_countdown"],
        "acks_late": own["settings"].get("task_acks_late", True),
        "reserve": own["reserve"],
        "packages": own["packages"],
        "settings": own["settings"],
    }


def _celery_app(asked: Asked) -> list[Problem]:
    value = asked.of(
        "celery_app",
        "target", "source", "python", "packages", "pip_arguments", "settings", "environment",
        "foreign_settings", "before_switch",
    )  # fmt: skip
    return [
        *checks.app_problems(value["target"], value["source"], _timeouts(asked)),
        *checks.python_problems(value["python"]),
        *celery_version.package_problems(value["packages"]),
        *checks.login_problems("celery_app_packages", value["packages"]),
        *checks.login_problems("celery_app_pip_arguments", value["pip_arguments"]),
        *settings.settings_problems(value["settings"], value["foreign_settings"]),
        *environment.environment_problems(value["environment"]),
        *commands.problems(value["before_switch"], value["source"]),
    ]


def _timeouts(asked: Asked) -> dict[str, Any]:
    """Return the timers of the fleet in seconds, as the app has them."""
    own, reached = asked.of("celery_app", "longest_countdown", "max_deliveries"), asked.settings["broker"]
    return {
        **own,
        "soft_time_limit": asked.values["celery_app_task_soft_time_limit"],
        "time_limit": asked.values["celery_app_task_time_limit"],
        "visibility_timeout": asked.fleet["chosen_visibility_timeout"],
        "consumer_timeout": reached["consumer_timeout"],
        "result_expires": asked.values["celery_app_settings"].get("result_expires"),
        "delivery_limit": reached["delivery_limit"] if reached["type"] == "rabbitmq" else 0,
    }


def _celery_beat(asked: Asked) -> list[Problem]:
    value = asked.of("celery_beat", "scheduler", "schedules", "timezone", "loop_interval", "lock_timeout")
    broker_url = asked.values["celery_app_broker_url"]
    wanted = options.Asked(**value, broker_url=broker_url, app_settings=asked.settings["settings"])
    found = options.problems(wanted, asked.groups) if asked.is_first else []
    variable = "celery_beat_environment"
    found += environment.environment_problems(asked.values[variable], variable)
    return found + _sandbox("celery_beat", asked)


def _broker(asked: Asked) -> list[Problem]:
    value = asked.of(
        "broker",
        "type", "url", "address", "bind", "port", "password", "monitor_password", "replica_password",
        "previous_passwords", "default_user", "key_prefix", "redis_users", "tls", "tls_certificate",
        "tls_key", "tls_ca", "memory_max_mb", "maxmemory_mb", "redis_settings",
    )  # fmt: skip
    rabbitmq = asked.of(
        "broker_rabbitmq",
        "vhost", "cookie", "queue_type", "delivery_limit", "consumer_timeout", "users", "settings",
    )  # fmt: skip
    rabbitmq["consumer_timeout"] = (
        rabbitmq["consumer_timeout"] or asked.fleet["timers"][asked.host]["visibility_timeout"]
    )
    memory_mb, room_mb = host_memory_mb(asked.facts), host_room_mb(asked.facts, value["type"])
    wanted = {**value, "rabbitmq": rabbitmq}
    read, groups = asked.fleet["read"], asked.groups
    if found := broker_problems(wanted, groups, asked.host, memory_mb, room_mb, read):
        return found
    # Both raise where a host cannot be reached as it is to be.
    url.place(asked.host, read, groups)
    url.served(asked.host, read, groups, asked.fleet["states"])
    return []


def _flower(asked: Asked) -> list[Problem]:
    value = asked.of("flower", "address", "port", "users", "oauth", "max_tasks", "environment")
    return flower.problems(value) + _sandbox("flower", asked)


def _logrotate(asked: Asked) -> list[Problem]:
    return logrotate.problems(asked.of("logrotate", "log_destination", "frequency", "keep", "max_size"))


def _sandbox(role: str, asked: Asked) -> list[Problem]:
    value = asked.of(role, "sandbox", "sandbox_overrides")
    return sandbox.sandbox_problems(role, value["sandbox"], value["sandbox_overrides"])


PROBLEMS: Mapping[str, Callable[[Asked], list[Problem]]] = {
    "broker": _broker,
    "celery_app": _celery_app,
    "celery_beat": _celery_beat,
    "celery_host": _celery_host,
    "celery_worker": _celery_worker,
    "flower": _flower,
    "logrotate": _logrotate,
}
