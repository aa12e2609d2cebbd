#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.host_facts."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_facts
short_description: What a host has and what it lacks, in one look
description:
  - Answers at once what the roles of this collection ask about a host, so that a run that changes nothing
    asks nothing more. Changes nothing.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  packages:
    description: Names of operating system packages; those that are not installed are reported.
    type: list
    elements: str
    default: []
  users:
    description: Users and groups whose existence is reported.
    type: list
    elements: str
    default: [celery]
  states:
    description: The directories whose room is reported; they may be missing yet.
    type: list
    elements: path
    default: [/var/lib/redis, /var/lib/rabbitmq]
  root:
    description: The directory that holds C(current) and C(releases).
    type: path
    default: /opt/celery
  units:
    description:
      - Units whose state is returned, besides those of the workers, for M(celeryops.systemd.units) to compare
        with. Left out, all of this collection.
    type: list
    elements: str
  gather_subset:
    description:
      - Facts of M(ansible.builtin.setup) to gather in the same call, by the names of its option of this name;
        V(date_time), V(distribution), V(dns), V(env), V(local), V(pkg_mgr), V(platform), V(python),
        V(service_mgr), all of which V(!all) gathers, and V(network).
      - Empty gathers none.
    type: list
    elements: str
    default: []
  files:
    description:
      - Shell globs; what lies there is returned, for M(celeryops.systemd.managed_files) to compare with.
      - Left out, all that the roles of this collection write.
    type: list
    elements: str
  run:
    description: The run of Ansible that looks, by which the snapshot is known. The action fills it in.
    type: str
    default: ''
  key:
    description:
      - A key of that run, with which the content of files is told as a keyed hash. Without it none is told.
        The action fills it in.
    type: str
    default: ''
  lock:
    description:
      - Whether to take the lock on the host in the same call, as M(celeryops.systemd.run_lock) does. Where
        another run holds it, the play ends before anything is looked at.
    type: bool
    default: false
  holder:
    description: Who runs. The action of this name fills it in.
    type: dict
    default: {}
  ended:
    description: A run that is known to have ended. The action fills it in.
    type: str
    default: ''
  lease:
    description: Seconds after which the lock is free whatever became of its holder.
    type: int
    default: 3600
  broken:
    description: Whether to take the lock from whoever holds it, the variable C(run_lock_break).
    type: bool
    default: false
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Look at the host
  celeryops.systemd.host_facts:
    packages: [tzdata, python3-venv]

- name: Install what is missing
  ansible.builtin.package:
    name: "{{ ansible_facts['celeryops']['missing_packages'] }}"
  when: ansible_facts['celeryops']['missing_packages'] | length > 0
"""

RETURN = r"""
held_by:
  description: The run that holds the host, where another one does; then nothing else is returned.
  returned: when the host is held
  type: dict
ansible_facts:
  description: The facts of the host, those of O(gather_subset) among them.
  returned: success
  type: complex
  contains:
    celeryops_snapshot:
      description:
        - What lay where O(files) match, and what O(units) and the workers did.
        - M(celeryops.systemd.managed_files) and M(celeryops.systemd.units) compare with it, and empty it
          where they change something.
        - JSON text with C(run), the run of Ansible that took it; C(patterns), O(files); C(found), for each
          path its kind, mode, owner, group and time, and a file's hash, keyed by O(key), or a link's target;
          C(units) and those of the workers as systemd has them; C(workers), the instances of which there is
          any trace.
      type: str
      returned: success
    celeryops:
      description: What this collection wants to know.
      returned: success
      type: complex
      contains:
        cores:
          description: Cores that services may use, by CPU affinity and cgroup quota.
          type: float
          returned: success
        memory_mb:
          description: MiB of memory that services may use, by MemTotal and cgroup limit.
          type: int
          returned: success
        state_room_mb:
          description: MiB to which each directory of O(states) may grow, what it holds already among them.
          type: dict
          returned: success
        redis:
          description:
            - C(primary), where the Sentinel of this host last knew it, and in which C(epoch); empty and 0
              without one.
            - C(data), whether the host has been a broker.
          type: dict
          returned: success
        systemd:
          description: Version of systemd, 0 without it.
          type: int
          returned: success
        pid1:
          description: Name of process 1.
          type: str
          returned: success
        python:
          description: Version of the Python that ran this.
          type: str
          returned: success
        venv:
          description: Whether that Python can make virtual environments with pip.
          type: bool
          returned: success
        timezone_data:
          description: Whether the time zone database is installed, without which Celery does not start.
          type: bool
          returned: success
        missing_packages:
          description: The asked packages that are not installed.
          type: list
          elements: str
          returned: success
        user:
          description: For each asked user whether it exists.
          type: dict
          returned: success
        group:
          description: For each asked user's name whether a group of that name exists.
          type: dict
          returned: success
        release:
          description: The release that C(current) names, empty without one.
          type: str
          returned: success
        releases:
          description: The complete releases that the host's Python can run, newest first.
          type: list
          elements: str
          returned: success
        virtualenvs:
          description: The name of the virtual environment of each of them that shares one with others.
          type: dict
          returned: success
        deployed:
          description: Those of them that the fleet has run, newest first; one that failed is not among them.
          type: list
          elements: str
          returned: success
        checked:
          description: Fingerprint of the release and the settings that were last imported together.
          type: str
          returned: success
        rolled_back:
          description: The release that the fleet last went back from, empty without one.
          type: str
          returned: success
        units:
          description: The unit files of this collection that are present.
          type: list
          elements: str
          returned: success
        drained:
          description: Whether the host was taken out for maintenance by drain.yml, and its workers rest.
          type: bool
          returned: success
        workers:
          description: The worker instances of which there is any trace.
          type: list
          elements: str
          returned: success
"""

import grp
import importlib.util
import json
import os
import platform
import pwd
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.facts import ansible_collector
from ansible.module_utils.facts.namespace import PrefixFactNamespace
from ansible.module_utils.facts.network.linux import LinuxNetworkCollector
from ansible.module_utils.facts.system.date_time import DateTimeFactCollector
from ansible.module_utils.facts.system.distribution import DistributionFactCollector
from ansible.module_utils.facts.system.dns import DnsFactCollector
from ansible.module_utils.facts.system.env import EnvFactCollector
from ansible.module_utils.facts.system.local import LocalFactCollector
from ansible.module_utils.facts.system.pkg_mgr import PkgMgrFactCollector
from ansible.module_utils.facts.system.platform import PlatformFactCollector
from ansible.module_utils.facts.system.python import PythonFactCollector
from ansible.module_utils.facts.system.service_mgr import ServiceMgrFactCollector
from ansible_collections.celeryops.systemd.plugins.module_utils import (
    host,
    layout,
    run_lock,
    snapshot,
    units,
)

if TYPE_CHECKING:
    from collections.abc import Callable

CGROUP = Path("/sys/fs/cgroup")
REDIS = Path("/var/lib/redis")
STATES = ["/var/lib/redis", "/var/lib/rabbitmq"]
# Of what setup gathers, what the roles and most inventories read. Not its list of all collectors: each would
# go to every host.
MINIMAL = (
    DateTimeFactCollector, DistributionFactCollector, DnsFactCollector, EnvFactCollector, LocalFactCollector,
    PkgMgrFactCollector, PlatformFactCollector, PythonFactCollector, ServiceMgrFactCollector,
)  # fmt: skip
COLLECTORS = (*MINIMAL, LinuxNetworkCollector)
UNIT_FILES = ("celery*.service", "celery*.slice", "celery*.timer", "celery*.socket", "celery*.target")


def exists(lookup: Callable[[str], object], name: str) -> bool:
    """Tell whether the user or group is known."""
    try:
        lookup(name)
    except KeyError:
        return False
    return True


def package_listing(module: AnsibleModule) -> str:
    """Return the asked packages with their status, whichever package manager the host has."""
    names = module.params["packages"]
    queries = (
        ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev} ${Package}\\n", "--"],
        ["rpm", "--query", "--queryformat", "ii %{NAME}\\n", "--"],
    )
    for query in queries:
        if names and module.get_bin_path(query[0]):
            return str(module.run_command([*query, *names])[1])
    return ""


def systemctl(module: AnsibleModule, *arguments: str) -> str:
    """Return what systemctl prints, nothing where it is missing or has no systemd to talk to."""
    path = module.get_bin_path("systemctl")
    return str(module.run_command([path, *arguments])[1]) if path else ""


def worker_instances(module: AnsibleModule) -> list[str]:
    """Return the worker instances that left any trace."""
    pattern = layout.WORKER + "*"
    listing = systemctl(module, "list-units", "--all", "--full", "--plain", "--no-legend", pattern)
    return units.instances(layout.WORKER, layout.WORKER_TRACES, units.parse_loaded(listing))


def unit_states(module: AnsibleModule, names: list[str]) -> dict[str, dict[str, Any]]:
    """Return what systemd says of the units; nothing where there is no systemd to ask."""
    text = systemctl(module, *units.SHOW, *names) if names else ""
    return {name: asdict(unit) for name, unit in units.parse_show(names, text).items()} if text else {}


def gathered(module: AnsibleModule) -> dict[str, Any]:
    """Return what ansible.builtin.setup would of the asked subsets."""
    if not module.params["gather_subset"]:
        return {}
    collector = ansible_collector.get_ansible_collector(
        all_collector_classes=COLLECTORS,
        namespace=PrefixFactNamespace(namespace_name="ansible", prefix="ansible_"),
        gather_subset=module.params["gather_subset"],
        minimal_gather_subset=frozenset(collector.name for collector in MINIMAL),
    )
    return dict(collector.collect(module=module))


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "packages": {"type": "list", "elements": "str", "default": []},
            "users": {"type": "list", "elements": "str", "default": ["celery"]},
            "root": {"type": "path", "default": "/opt/celery"},
            "states": {"type": "list", "elements": "path", "default": STATES},
            "units": {"type": "list", "elements": "str"},
            "gather_subset": {"type": "list", "elements": "str", "default": []},
            "files": {"type": "list", "elements": "str"},
            "run": {"type": "str", "default": ""},
            "key": {"type": "str", "default": "", "no_log": True},
            "lock": {"type": "bool", "default": False},
            **run_lock.ARGUMENTS,
        },
        supports_check_mode=True,
    )
    locks = module.params["lock"] and not module.check_mode
    found = run_lock.take(**{name: module.params[name] for name in run_lock.ARGUMENTS}) if locks else {}
    if found:
        module.exit_json(changed=False, held_by=found)
    module.run_command_environ_update = {"LC_ALL": "C"}
    names = module.params["users"]
    unit_directory = Path(layout.UNITS)
    workers = worker_instances(module)
    facts = {
        "cores": host.cores(len(os.sched_getaffinity(0)), CGROUP),
        "memory_mb": host.memory_mb(Path("/proc/meminfo").read_text(), CGROUP),
        "state_room_mb": {place: host.room_mb(Path(place)) for place in module.params["states"]},
        "redis": host.redis_state(REDIS),
        "systemd": host.systemd_version(systemctl(module, "--version")),
        "pid1": Path("/proc/1/comm").read_text().strip(),
        "python": platform.python_version(),
        "venv": importlib.util.find_spec("ensurepip") is not None,
        "timezone_data": Path("/usr/share/zoneinfo/UTC").exists(),
        "missing_packages": host.missing_packages(module.params["packages"], package_listing(module)),
        "user": {name: exists(pwd.getpwnam, name) for name in names},
        "group": {name: exists(grp.getgrnam, name) for name in names},
        "units": sorted(path.name for pattern in UNIT_FILES for path in unit_directory.glob(pattern)),
        "workers": workers,
        "drained": Path(layout.DRAINED).exists(),
    }
    facts.update(host.releases(Path(module.params["root"])))
    files, asked = module.params["files"], module.params["units"]
    files = layout.WATCHED_FILES if files is None else files
    asked = [*(layout.WATCHED_UNITS if asked is None else asked), *units.worker_units(workers)]
    told = {"units": unit_states(module, asked), "workers": workers}
    found = snapshot.take(files, module.params["key"])
    taken = {**found, **told, "run": module.params["run"]}
    run = module.params["holder"].get("run", "")
    own = {"celeryops": facts, snapshot.FACT: json.dumps(taken), "celeryops_run": run}
    module.exit_json(ansible_facts={**gathered(module), **own})


if __name__ == "__main__":
    main()
