#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.memory_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: memory_info
short_description: What the workers of a host really use of its memory
description:
  - Reads the processes of every running worker instance from C(/proc), and their peaks from C(/proc) and from
    the cgroups, v1 or v2.
  - Changes nothing and asks no worker. What C(/proc) shows of another user's process takes root.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  config_directory:
    description: Where the environment files of the instances lie.
    type: path
    default: /etc/conf.d/celery
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Measure the workers
  celeryops.systemd.memory_info:
  register: measured

- name: Show the largest child that each has had
  ansible.builtin.debug:
    msg: "{{ item['instance'] }}: {{ item['children'] | map(attribute='peak_mb') | max | default(0) }} MB"
  loop: "{{ measured['instances'] }}"
"""

RETURN = r"""
instances:
  description: The worker instances that run. All memory is in MB, rounded up.
  returned: always
  type: list
  elements: dict
  contains:
    instance:
      description: Name of the instance.
      type: str
      sample: mail-prefork
    node:
      description: The name by which Celery knows the worker.
      type: str
      sample: mail-prefork@worker1
    pool:
      description: The pool that its environment file gives it.
      type: str
      sample: prefork
    concurrency:
      description: The concurrency that its environment file gives it.
      type: int
    uptime:
      description: Seconds since it became active; null when it is not.
      type: int
    parent:
      description:
        - Its main process. C(rss_mb), the pages that it has in memory. C(pss_mb), the same with each shared
          page divided among those that share it; null where the kernel does not tell. C(peak_mb), the most
          that C(rss_mb) has been (C(VmHWM)).
      type: dict
      sample: {pid: 812, rss_mb: 61, pss_mb: 31, peak_mb: 62}
    children:
      description: The other processes of the unit, each like RV(instances[].parent).
      type: list
      elements: dict
    pss_mb:
      description: What all of them use together now; null where the kernel does not tell.
      type: int
    cgroup:
      description:
        - The unit's cgroup. C(current_mb), C(peak_mb) and C(limit_mb); null where the kernel does not tell,
          or there is no limit. The first two count the page cache besides. C(oom_kills), how many of its
          processes the kernel has ended for want of memory since it started.
      type: dict
      sample: {current_mb: 118, peak_mb: 164, limit_mb: 600, oom_kills: 0}
"""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import instances, layout, memory


def measure(properties: dict[str, str], directory: Path) -> dict[str, Any] | None:
    """Return what an instance uses; None when it does not run."""
    unit, pid = properties["Id"], int(properties.get("MainPID") or 0)
    parent = memory.read_process(pid) if pid else None
    group = memory.cgroup_of(pid) if pid else None
    if parent is None or group is None:
        return None
    children = [process for process in memory.members(group) if process.pid != pid]
    shares = [process.pss_mb for process in (parent, *children) if process.pss_mb is not None]
    path = instances.environment_file(directory, unit)
    environment = instances.parse_environment(path.read_text()) if path.is_file() else {}
    seen = instances.describe(properties, environment, None, time.monotonic())
    return {
        **{key: seen[key] for key in ("instance", "node", "concurrency", "uptime")},
        "pool": environment.get("CELERY_POOL"),
        "parent": asdict(parent),
        "children": [asdict(process) for process in children],
        "pss_mb": sum(shares) if len(shares) == len(children) + 1 else None,
        "cgroup": asdict(memory.read_cgroup(group)),
    }


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={"config_directory": {"type": "path", "default": layout.CONFIG}},
        supports_check_mode=True,
    )
    directory = Path(module.params["config_directory"])
    # Of those that systemd does not hold none runs.
    pattern = f"{layout.WORKER}*{layout.SERVICE}"
    words = ["systemctl", "show", f"--property={','.join(instances.PROPERTIES)}", "--", pattern]
    _status, output, _errors = module.run_command(words, check_rc=True)
    found = [measure(properties, directory) for properties in instances.parse_show(output)]
    module.exit_json(changed=False, instances=[instance for instance in found if instance])


if __name__ == "__main__":
    main()
