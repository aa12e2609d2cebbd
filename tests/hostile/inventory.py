# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fleets that set every text that an inventory can set, each to what is nowhere else in what is written.

So it can be found again there, and another value can be put in its place.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from reference.roles import ROOT, roles

HOST, PEERS = "w1", ("w2", "w3")
OURS = ("celery", "celery_queue_mail", "celery_beat", "celery_flower", "celery_broker")
PLAYBOOKS = ROOT / "playbooks/meta/argument_specs.yml"
#: Where a text is in the variables: the keys and numbers on the way to it; KEY at the end is the key itself.
Place = tuple[Any, ...]
KEY = "<the key>"

_USER = {
    "password": "rabbit-password",
    "tags": ["rabbit-tag"],
    "configure": "rabbit-c",
    "write": "rabbit-w",
    "read": "rabbit-r",
}
#: Variables of every fleet. A text that is not here gets one that has its variable's name.
COMMON: Mapping[str, Any] = {
    "broker_address": "broker.address",
    "broker_monitor_password": "monitor+password",
    "broker_password": "worker+password",
    "celery_app_directory": "/srv/app-directory",
    "celery_app_environment": {"SHOP_VARIABLE": "shop-value"},
    "celery_app_foreign_settings": ["shop_setting"],
    "celery_app_foreign_variables": ["glob-of-others*"],
    "celery_app_packages": ["celery[redis]", "package-beside==1"],
    "celery_app_pip_arguments": ["--index-url=https://pip-index"],
    "celery_app_python": "/opt/own-python/bin/python3.11",
    "celery_app_release": "release-name",
    "celery_app_settings": {
        "task_default_queue": "setting-queue",
        "task_routes": {"route-name": {"queue": "route-queue"}},
    },
    "celery_app_source": {
        "type": "directory",
        "path": "/srv/source-path",
        "requirements": "reqs.txt",
        "exclude": ["excluded-glob"],
    },
    "celery_app_target": "target_module:target_app",
    "celery_app_virtualenv": "/srv/app-virtualenv",
    "celery_app_wheelhouse": "/srv/wheelhouse",
    "celery_beat_directory": "/srv/beat-directory",
    "celery_beat_environment": {"BEAT_VARIABLE": "beat-value"},
    "celery_beat_sandbox_overrides": {"ReadWritePaths": ["/srv/beat-writes"]},
    "celery_beat_scheduler": "beat.module:Scheduler",
    "celery_beat_schedules": {
        "schedule-name": {
            "task": "schedule.task",
            "crontab": "7 3 * * *",
            "timezone": "Europe/Berlin",
            "args": ["schedule-arg"],
            "kwargs": {"kwarg_name": "kwarg-value"},
            "options": {"queue": "schedule-queue"},
        },
        "frequent-entry": {"task": "frequent.task", "every": "77m"},
    },
    "celery_beat_timezone": "Europe/Vienna",
    "celery_beat_virtualenv": "/srv/beat-virtualenv",
    "celery_host_packages": ["os-package"],
    "celery_host_supported_releases": {"Debian": ["12"]},
    "celery_worker_directory": "/srv/worker-directory",
    "celery_worker_queues": {
        "mail": {
            "consumes": ["consumed-queue"],
            "arguments": ["--worker-argument"],
            "environment": {"QUEUE_VARIABLE": "queue-value"},
            "workload": "io",
        }
    },
    "celery_worker_reserve": {},
    "celery_worker_sandbox_overrides": {"BindPaths": "/srv/bound-path", "ReadWritePaths": ["/srv/writes"]},
    "celery_worker_virtualenv": "/srv/worker-virtualenv",
    "flower_address": "127.3.3.3",
    "flower_environment": {"FLOWER_NATURAL_TIME": "flower-value"},
    "flower_packages": ["flower==2.2.0", "flower-package==1"],
    "flower_oauth": {
        "provider": "okta",
        "emails": "oauth-emails",
        "key": "oauth-key",
        "secret": "oauth-secret",
        "redirect_uri": "https://oauth-uri",
    },
    "flower_sandbox_overrides": {"ReadOnlyPaths": "/srv/flower-reads"},
    "flower_settings": {"task_default_exchange": "flower-setting"},
    "flower_url_prefix": "url-prefix",
    "flower_users": {"flower-user": "flower-password"},
    "flower_wheelhouse": "/srv/flower-wheelhouse",
    "logrotate_log_destination": "file",
    "logrotate_max_size": "777M",
    "rollout_smoke_args": ["smoke-arg"],
    "rollout_smoke_kwargs": {"smoke_name": "smoke-value"},
    "rollout_since": "2026-11-21T10:00:00Z",
}
#: Of one fleet each; None leaves a variable out.
SITES: Mapping[str, Mapping[str, Any]] = {
    "redis": {
        "broker_bind": ["127.7.7.7", "10.7.7.7"],
        "broker_key_prefix": "key-prefix:",
        "broker_previous_passwords": ["previous+password"],
        "broker_redis_settings": {
            "latency-tracking-info-percentiles": ["redis-value"],
            "proc-title-template": "redis-title",
        },
        "broker_redis_users": {"redis-user": "on +redis-rule"},
        "celery_app_broker_url": "redis://app-broker:6379/0",
        "celery_app_result_backend": "redis://app-results:6379/1",
        "flower_broker_url": "redis://flower-broker:6379/0",
        "flower_result_backend": "redis://flower-results:6379/1",
    },
    "sentinel": {
        "broker_bind": ["10.7.7.7"],
        "broker_replica_password": "replica-password",
        "broker_tls": True,
        "broker_tls_ca": "tls-ca\n",
        "broker_tls_certificate": "tls-certificate\n",
        "broker_tls_key": "tls-key\n",
        "celery_app_source": {"type": "archive", "path": "/srv/archive-path.whl"},
    },
    "rabbitmq": {
        "broker_bind": ["10.7.7.7"],
        "broker_rabbitmq_cookie": "rabbit-cookie",
        "broker_rabbitmq_settings": {"log.console.level": "rabbit-value"},
        "broker_rabbitmq_users": {"rabbit-user": _USER},
        "broker_rabbitmq_vhost": "rabbit+vhost",
        "broker_type": "rabbitmq",
        "celery_app_source": {
            "type": "git",
            "repo": "https://git-repo",
            "version": "git-version",
            "subdirectory": "git-sub",
        },
    },
    "external": {
        "broker_address": None,
        "broker_sentinel_name": "sentinel-name",
        "broker_sentinel_password": "sentinel-password",
        "broker_sentinel_user": "sentinel-user",
        "broker_url": "sentinel://url-user:url-password@url-host:26379/0",
        "celery_app_source": {"type": "requirement", "name": "requirement-name==1"},
    },
}
#: Which fleet has the broker that a variable is for, by what its name begins with.
OF_SITE = {
    "broker_rabbitmq_": "rabbitmq",
    "broker_sentinel_": "external",
    "broker_url": "external",
    "broker_replica_": "sentinel",
    "broker_tls_": "sentinel",
}


@cache
def options() -> dict[str, Mapping[str, Any]]:
    """The option of every variable that an operator may set, by its name."""
    playbooks = yaml.safe_load(PLAYBOOKS.read_text())["argument_specs"]["main"]["options"]
    return {**{name: option for role in roles() for name, option in role.options.items()}, **playbooks}


def variables(site: str) -> dict[str, Any]:
    """What the inventory of a fleet sets."""
    found: dict[str, Any] = {}
    for name, option in options().items():
        home = next((of for prefix, of in OF_SITE.items() if name.startswith(prefix)), site)
        example = _example(name, option)
        if home == site and example is not None:
            found[name] = example
    found |= {**COMMON, **SITES[site]}
    return copy.deepcopy({name: value for name, value in found.items() if value is not None})


def _example(name: str, option: Mapping[str, Any]) -> Any:
    """A value of a variable that has none above; None where it holds no free text, or only in some fleet."""
    kind = option.get("type", "str")
    if option.get("choices") or kind not in ("str", "path", "list", "dict"):
        return None
    if name in COMMON or any(name in its for its in SITES.values()) or name == "resource_limits_plan":
        return None
    text = name.replace("_", "-")
    if kind == "list":
        return [f"{text}-item"]
    return {f"{text}-key": f"{text}-value"} if kind == "dict" else f"/srv/{text}" if kind == "path" else text


def texts(value: Any, path: Place = ()) -> Iterator[Place]:
    """The place of every text in a value, keys included."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield (*path, key, KEY)
            yield from texts(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from texts(part, (*path, number))
    elif isinstance(value, str):
        yield path


def places() -> list[tuple[str, Place]]:
    """Every text of every fleet, with the fleet, each variable in one."""
    seen: set[Place] = set()
    found = []
    known = options()
    for site in SITES:
        its = variables(site)
        for name in sorted(its):
            if known[name].get("choices"):
                continue
            for place in texts(its[name], (name,)):
                if place not in seen:
                    seen.add(place)
                    found.append((site, place))
    return found


def text_at(value: Any, place: Place) -> str:
    """The text of a place."""
    if place[-1] == KEY:
        return str(place[-2])
    for step in place:
        value = value[step]
    return str(value)


def put(value: Any, place: Place, text: Any) -> Any:
    """The same value with another text at a place."""
    head, rest = place[0], place[1:]
    if rest == (KEY,):
        return {text if key == head else key: part for key, part in value.items()}
    changed = list(value) if isinstance(value, list) else dict(value)
    changed[head] = put(value[head], rest, text) if rest else text
    return changed


def play(site: str, its: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a play knows of the hosts of a fleet: their variables, and the groups."""
    hosts = [HOST] if site in ("redis", "external") else [HOST, *PEERS]
    ours = OURS[:-1] if site == "external" else OURS
    groups = {name: hosts if name in ("celery", "celery_broker") else [HOST] for name in ours}
    own = {
        host: {
            **its,
            "inventory_hostname": host,
            "group_names": [name for name in ours if host in groups[name]],
            "ansible_host": f"10.0.0.{host[1:]}",
            "ansible_facts": dict(facts),
        }
        for host in hosts
    }
    for host in PEERS:  # each has another
        own.get(host, {}).pop("broker_address", None)
    return {"hostvars": own, "groups": groups, "ansible_play_hosts_all": hosts}


def collection() -> Path:
    """Where the roles are."""
    return ROOT / "roles"
