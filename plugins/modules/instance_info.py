#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.instance_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: instance_info
short_description: What the Celery units of a host do
description:
  - Reads every worker instance, beat and Flower of the host in one look, the stopped and failed ones too.
  - Asks systemd and the environment files only; neither the broker nor the workers need to answer.
  - Can wait for units to do their work; it then returns what it saw last, and never fails for them.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  units:
    description: Other units to look at besides, such as the broker's.
    type: list
    elements: str
    default: []
  expect:
    description: Units to wait for, until the workers among them consume and the others are active.
    type: list
    elements: str
    default: []
  patience:
    description: Seconds to wait for them at most.
    type: int
    default: 0
  files:
    description: Whether to return too what gives the workers their numbers, to compare it with a plan.
    type: bool
    default: false
  config_directory:
    description: Where the environment files of the instances lie.
    type: path
    default: /etc/conf.d/celery
  run:
    description: The run of Ansible, where it has taken the lock on the host. The action fills it in.
    type: str
    default: ''
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Look at the instances
  celeryops.systemd.instance_info:
  register: seen

- name: Refuse to go on beside a failed one
  ansible.builtin.assert:
    that: seen['instances'] | rejectattr('active') | length == 0

- name: Look at the files behind their numbers too
  celeryops.systemd.instance_info:
    files: true

- name: Wait until a worker consumes
  celeryops.systemd.instance_info:
    expect: [celery-worker@mail-threads.service]
    patience: 30
"""

RETURN = r"""
instances:
  description: The units, the workers first.
  returned: always
  type: list
  elements: dict
  contains:
    unit:
      description: Name of the unit.
      type: str
      sample: celery-worker@mail-threads.service
    instance:
      description: Name of the instance; beat, flower or the bare name of another unit.
      type: str
      sample: mail-threads
    state:
      description:
        - What it does, in the agent's words where it has some, else in systemd's.
        - V(drained) is a worker that rests because its host was drained, V(spare) an extra one that rests
          because its queue does not need it.
      type: str
      sample: consuming
    active:
      description: Whether systemd holds it for active, which for a worker means that it consumes.
      type: bool
    extra:
      description: Whether it runs only while its queue needs it (C(scale) of the queue).
      type: bool
    enabled:
      description: Whether it starts with the host.
      type: bool
    status:
      description: The agent's whole status.
      type: str
      sample: consuming mail, 3 active
    result:
      description: How systemd saw it end.
      type: str
      sample: success
    pid:
      description: Its main process; null when none runs.
      type: int
    restarts:
      description: How often systemd has restarted it by itself.
      type: int
    memory_mb:
      description: What its cgroup uses, in MiB; null where memory is not accounted.
      type: int
    uptime:
      description: Seconds since it became active; null when it is not.
      type: int
    release:
      description: The release that its main process runs; null when none does.
      type: str
    node:
      description: The name by which Celery knows the worker; null for other units.
      type: str
    queues:
      description: The queues that the worker consumes.
      type: list
      elements: str
    concurrency:
      description: The concurrency that its environment file gives it.
      type: int
    stop_timeout:
      description: Seconds that its tasks have to finish when it stops; null for other units.
      type: int
    newer:
      description: The files that it reads when it starts, and that were written after it had.
      returned: with O(files), for a worker
      type: list
      elements: str
files:
  description:
    - Texts of each worker's environment file and drop-in, and of what the workers share, the template unit,
      celery.slice and the scaler's files.
  returned: with O(files)
  type: dict
settings:
  description: The timers among the app's settings, in seconds.
  returned: with O(files)
  type: dict
  sample: {task_soft_time_limit: 270, task_time_limit: 300, visibility_timeout: 3600}
"""

import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import instances, layout, run_lock
from ansible_collections.celeryops.systemd.plugins.module_utils.units import worker_units

INTERVAL = 0.5  # seconds between two looks


def units_of(directory: Path, others: list[str]) -> list[str]:
    """Return what to ask systemd for: a unit for each environment file, whatever else it has loaded.

    A stray file whose name can be no instance's is passed over: systemd would refuse the whole question.
    """
    names = [path.stem.removeprefix("worker-") for path in sorted(directory.glob("worker-*.env"))]
    return [*worker_units(names), f"{layout.WORKER}*{layout.SERVICE}", *instances.SINGLE, *others]


def look(properties: dict[str, str], directory: Path) -> dict[str, Any]:
    """Return one unit with what its process, its environment file and its host add."""
    path = instances.environment_file(directory, properties["Id"])
    environment = instances.parse_environment(path.read_text()) if path.is_file() else {}
    pid = int(properties.get("MainPID") or 0)
    release = instances.release_of(pid) if pid else None
    drained = (directory / Path(layout.DRAINED).name).exists()
    return instances.describe(properties, environment, release, time.monotonic(), drained)


def ask_systemd(module: AnsibleModule) -> list[dict[str, str]]:
    """Return the properties of all units as they are now."""
    directory = Path(module.params["config_directory"])
    units = units_of(directory, module.params["units"])
    words = ["systemctl", "show", f"--property={','.join(instances.PROPERTIES)}", "--", *units]
    _status, output, _errors = module.run_command(words, check_rc=True)
    found = {entry["Id"]: entry for entry in instances.parse_show(output)}
    asked = [unit for unit in units if unit.startswith(layout.WORKER)]
    return [entry for unit, entry in found.items() if entry["LoadState"] != "not-found" or unit in asked]


def look_at_all(module: AnsibleModule) -> list[dict[str, Any]]:
    """Return all units as they are now."""
    directory = Path(module.params["config_directory"])
    return [look(entry, directory) for entry in ask_systemd(module)]


def look_behind(module: AnsibleModule) -> dict[str, Any]:
    """Return all units with the files that give the workers their numbers."""
    directory = Path(module.params["config_directory"])
    shared = [Path(path) for path in instances.SHARED_FILES]
    template, inputs = shared[0], [Path(path) for path in layout.APP_INPUTS]
    rows, files = [], shared
    for entry in ask_systemd(module):
        row = look(entry, directory)
        if entry["Id"].startswith(layout.WORKER):
            own = instances.own_files(directory, entry["Id"])
            files += own
            reads = [template, *own, instances.hidden_file(directory, entry["Id"]), *inputs]
            row["newer"] = instances.newer_than_start(entry, reads, time.monotonic(), time.time())
        rows.append(row)
    texts = {str(path): path.read_text(errors="replace") for path in files if path.is_file()}
    return {"instances": rows, "files": texts, "settings": instances.timers_of(Path(layout.SETTINGS))}


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "default": []},
            "expect": {"type": "list", "elements": "str", "default": []},
            "patience": {"type": "int", "default": 0},
            "files": {"type": "bool", "default": False},
            "config_directory": {"type": "path", "default": layout.CONFIG},
            **run_lock.KEEPER,
        },
        supports_check_mode=True,
    )
    run_lock.keep(module.params["run"], module.params["patience"])
    if module.params["files"]:
        module.exit_json(changed=False, **look_behind(module))
    deadline = time.monotonic() + module.params["patience"]
    while True:
        found = look_at_all(module)
        well = {row["unit"] for row in found if instances.well(row)}
        if well.issuperset(module.params["expect"]) or time.monotonic() >= deadline:
            module.exit_json(changed=False, instances=found)
        time.sleep(INTERVAL)


if __name__ == "__main__":
    main()
