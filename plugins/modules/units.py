#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.units."""

from __future__ import annotations

DOCUMENTATION = r"""
module: units
short_description: Many systemd units started, enabled, restarted where stale, or taken away, in one task
description:
  - Looks at all units with one call and acts on all of them at once, so a host's instances start in parallel.
  - Restarts a unit only when one of its own inputs changed after it started. The decision is made from the
    times of the files, so a run that was interrupted is completed by the next one.
  - Tells systemd to read its files again when they changed.
  - Waits until the units are ready; a failure shows the unit's state, the end of its journal,
    and where the kernel killed it for its memory the limit and the variable that sets it.
  - Stops the instances that left the inventory before it removes what is left of them.
extends_documentation_fragment: celeryops.systemd.attributes.diff
options:
  units:
    description: The wanted units.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Full name of the unit, with its suffix.
        type: str
        required: true
      state:
        description: Whether it runs. V(restarted) starts it anew whatever its inputs. Unset leaves it.
        type: str
        choices: [started, stopped, restarted]
      optional:
        description:
          - Whether somebody else starts and stops it. It then restarts where it has to, but is not started
            where it does not run, and may have been stopped in the meantime.
        type: bool
        default: false
      enabled:
        description: Whether it starts at boot. Unset leaves it.
        type: bool
      inputs:
        description:
          - The files that the unit reads when it starts. Of a link its own time counts, not its target's.
          - Left out, those that a unit of this collection reads, and none of any other.
        type: list
        elements: str
  changed_paths:
    description:
      - The paths that this run changed, or would change in check mode.
      - Left out, those that M(celeryops.systemd.managed_files) changed on the host in this run.
    type: list
    elements: str
    default: []
  leave:
    description: The instances of a template unit that are to go, with all they left.
    type: dict
    suboptions:
      template:
        description: Name of the template unit up to and with the C(@).
        type: str
        default: celery-worker@
      keep:
        description: The instances that stay.
        type: list
        elements: str
        default: []
      paths:
        description:
          - What an instance leaves behind; C({instance}) stands for its name. The links that enable it
            are known.
        type: list
        elements: str
        default:
          - /etc/conf.d/celery/worker-{instance}.env
          - /etc/conf.d/celery/environment-{instance}.env
          - /etc/systemd/system/celery-worker@{instance}.service.d
  restart:
    description:
      - Whether units that run and are stale restart now. V(false) leaves them running and names them in
        RV(stale), for a caller that restarts them in an order of its own.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for the units to stop, and again for them to be ready.
    type: int
    default: 600
  ask:
    description:
      - Whether to ask the host even where the snapshot of this run shows that nothing has to happen.
        M(celeryops.systemd.host_facts) takes it.
    type: bool
    default: false
  run:
    description: The run of Ansible, where it has taken the lock on the host. The action fills it in.
    type: str
    default: ''
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: The workers of this host run, and those that left the inventory are gone
  celeryops.systemd.units:
    units:
      - name: celery-worker@mail-prefork.service
        state: started
        enabled: true
    leave:
      keep: [mail-prefork]
"""

RETURN = r"""
started:
  description: Units that were started, or would be.
  type: list
  elements: str
  returned: success
restarted:
  description: Units that were restarted, or would be, because an input changed or because it was asked for.
  type: list
  elements: str
  returned: success
stale:
  description: Units that run on with inputs that have changed since, because O(restart=false).
  type: list
  elements: str
  returned: success
stopped:
  description: Units that were stopped, or would be.
  type: list
  elements: str
  returned: success
removed:
  description: Paths of instances that left.
  type: list
  elements: str
  returned: success
reloaded:
  description: Whether systemd read its files again, or would.
  type: bool
  returned: success
states:
  description: Each wanted unit as it is at the end; in check mode as it is now.
  type: dict
  returned: success
  sample:
    celery-worker@mail-prefork.service: {active: active, sub: running, status: "consuming mail", pid: 4711}
"""

import os
import subprocess
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import files, run_lock, units

JOURNAL_LINES = 20
JOURNALS_SHOWN = 3


class Systemd:
    """The host's systemd, asked and told through its own commands."""

    def __init__(self, module: AnsibleModule) -> None:
        """Take the module for its way to fail and its timeout."""
        self.module = module
        self.timeout: int = module.params["timeout"]

    def run(self, *arguments: str, check: bool = True) -> str:
        """Run a command and return its output; the bound protects against a systemd that does not answer."""
        environment = {**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
        done = subprocess.run(
            arguments, env=environment, capture_output=True, text=True, check=False, timeout=self.timeout
        )
        if check and done.returncode:
            self.module.fail_json(msg=f"{' '.join(arguments)}: {done.stderr.strip()}", rc=done.returncode)
        return done.stdout

    def wait(self, verb: str, names: list[str]) -> str:
        """Start, restart or stop all units at once and wait; return what systemctl had to say about it."""
        if not names:
            return ""
        try:
            command = ["systemctl", verb, "--", *names]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            return f"not done after {self.timeout} s"
        # The hints to systemctl status and journalctl: the failure shows what they would.
        return "\n".join(
            line for line in done.stderr.splitlines() if not line.startswith(("Job for", "See "))
        )

    def show(self, names: list[str]) -> dict[str, units.Unit]:
        """Return the units as they are."""
        if not names:
            return {}
        return units.parse_show(names, self.run("systemctl", *units.SHOW, *names))

    def memory_max(self, unit: units.Unit) -> str:
        """Return the limit of a unit's memory: bytes, or infinity."""
        return self.run("systemctl", "show", "--property=MemoryMax", "--value", "--", unit.name).strip()

    def loaded(self, template: str) -> list[str]:
        """Return the instances of a template that systemd runs, or remembers as failed."""
        pattern = f"{template}*"
        return units.parse_loaded(
            self.run("systemctl", "list-units", "--all", "--full", "--plain", "--no-legend", "--", pattern)
        )

    def journal(self, unit: units.Unit) -> str:
        """Return the end of the journal of the unit's last attempt, of the unit where it made none."""
        command = ("journalctl", f"--lines={JOURNAL_LINES}", "--no-pager", "--quiet", "--output=cat")
        attempt = (f"_SYSTEMD_INVOCATION_ID={unit.invocation}", "+", f"INVOCATION_ID={unit.invocation}")
        text = self.run(*command, *attempt, check=False) if unit.invocation else ""
        return (text or self.run(*command, f"--unit={unit.name}", check=False)).strip()


class Run:
    """One run of the module: look, decide, act."""

    def __init__(self, module: AnsibleModule) -> None:
        """Look at the host and decide."""
        self.module = module
        self.systemd = Systemd(module)
        self.changed_paths: list[str] = module.params["changed_paths"]
        self.desired = units.desired(module.params["units"])
        self.leaving, self.remains = self._leaving()
        self.before = self.systemd.show([*units.watched(self.desired), *self.leaving])
        times = units.input_times(self.desired)
        decided = [
            units.decide(want, self.before[want.name], self.changed_paths, times) for want in self.desired
        ]
        actions = [action for action in decided if action]
        self.stale = [] if module.params["restart"] else units.deferrable(self.desired, self.before, actions)
        self.actions = [action for action in actions if action.name not in self.stale]
        self.actions += [
            units.Action(name, "stop", "left the inventory")
            for name in self.leaving
            if not self.before[name].stopped
        ]
        self.enable = self._to_enable(True)
        self.disable = self._to_enable(False)
        self.reload = (
            bool(self.remains)
            or any(units.is_unit_path(path) for path in self.changed_paths)
            or any(unit.needs_reload for unit in self.before.values())
        )

    def _leaving(self) -> tuple[list[str], list[files.Change]]:
        leave = self.module.params["leave"]
        if not leave:
            return [], []
        template, paths = leave["template"], leave["paths"]
        found = units.instances(template, paths, self.systemd.loaded(template))
        gone = [instance for instance in found if instance not in leave["keep"]]
        patterns = [*paths, units.want_pattern(template)]
        remains = files.changes([], [pattern.format(instance=name) for name in gone for pattern in patterns])
        return [f"{template}{name}.service" for name in gone], remains

    def _to_enable(self, wanted: bool) -> list[str]:
        return [
            want.name
            for want in self.desired
            if want.enabled is wanted and units.to_enable(want, self.before[want.name])
        ]

    def names(self, *verbs: str) -> list[str]:
        """Return the units to which one of the verbs happens."""
        return [action.name for action in self.actions if action.verb in verbs]

    @property
    def changed(self) -> bool:
        """Whether the run changes anything; waiting does not."""
        return bool(
            self.names("start", "restart", "stop")
            or self.enable
            or self.disable
            or self.remains
            or self.reload
        )

    def refuse_masked(self) -> None:
        """Fail before anything changes when a unit cannot be started because someone masked it."""
        for want in self.desired:
            if want.state in ("started", "restarted") and self.before[want.name].load == "masked":
                self.module.fail_json(msg=f"{want.name}: is masked; systemctl unmask {want.name}")

    def act(self) -> None:
        """Do what was decided, the leaving instances first."""
        self._stop()
        for change in self.remains:
            change.apply()
        if self.disable:
            self.systemd.run("systemctl", "disable", "--no-reload", "--", *self.disable)
        if self.enable:
            self.systemd.run("systemctl", "enable", "--no-reload", "--", *self.enable)
        if self.reload or self.enable or self.disable:
            self.systemd.run("systemctl", "daemon-reload")
        self._start()

    def _stop(self) -> None:
        names = self.names("stop")
        said = self.systemd.wait("stop", names)
        after = self.systemd.show(names)
        left = [unit for unit in after.values() if not unit.stopped]
        if left:
            self._fail("does not stop", left, said)
        if self.leaving:
            # A failed unit that is gone from disk would stay in systemd's memory, and in monitoring.
            self.systemd.run("systemctl", "reset-failed", "--", *self.leaving, check=False)

    def _start(self) -> None:
        # `systemctl restart` starts what does not run, so one call starts and restarts in parallel.
        names = self.names("start", "restart")
        if names:
            # A unit that hit its start limit, or is near it, is refused by systemd until this is forgotten.
            self.systemd.run("systemctl", "reset-failed", "--", *names, check=False)
        said = self.systemd.wait("restart", names) + self.systemd.wait("start", self.names("wait"))
        after = self.systemd.show(self.names("start", "restart", "wait"))
        optional = [want.name for want in self.desired if want.optional]
        failed = [
            unit
            for unit in after.values()
            if not unit.ready and not (unit.name in optional and unit.active in ("inactive", "deactivating"))
        ]
        if failed:
            self._fail("is not ready", failed, said)

    def _fail(self, what: str, failed: list[units.Unit], said: str) -> None:
        parts = [
            f"{unit.name}: {what}: {unit.active} ({unit.sub}), result {unit.result or 'none'}"
            + (f', status "{unit.status}"' if unit.status else "")
            for unit in failed
        ]
        for unit in failed[:JOURNALS_SHOWN]:
            journal = self.systemd.journal(unit) or "(empty)"
            if killed := units.killed_for_memory(unit, self.systemd.memory_max(unit), journal):
                parts.append(killed)
            parts.append(f"The end of the journal of {unit.name}:\n{journal}")
        self.module.fail_json(msg="\n".join([*parts, said]).strip(), **self.result())

    def result(self) -> dict[str, Any]:
        """Return what the module says."""
        names = [want.name for want in self.desired]
        idle = self.module.check_mode or not (self.changed or self.actions)
        now = {name: self.before[name] for name in names} if idle else self.systemd.show(names)
        result: dict[str, Any] = {
            "changed": self.changed,
            "started": self.names("start"),
            "restarted": self.names("restart"),
            "stale": self.stale,
            "stopped": self.names("stop"),
            "removed": [change.path for change in self.remains],
            "reloaded": self.reload,
            "states": {name: unit.summary() for name, unit in now.items()},
        }
        if self.module._diff:
            result["diff"] = [*self._diff(), *(diff for change in self.remains for diff in change.diff)]
        return result

    def _diff(self) -> list[files.Diff]:
        done = {"start": "started", "restart": "restarted", "stop": "stopped"}
        before: dict[str, list[str]] = {}
        after: dict[str, list[str]] = {}
        for action in self.actions:
            if action.verb in done:
                before.setdefault(action.name, []).append(self.before[action.name].active)
                after.setdefault(action.name, []).append(f"{done[action.verb]} ({action.why})")
        for names, old, new in ((self.enable, "disabled", "enabled"), (self.disable, "enabled", "disabled")):
            for name in names:
                before.setdefault(name, []).append(old)
                after.setdefault(name, []).append(new)
        if not after:
            return []
        text = {
            side: "".join(f"{name}: {', '.join(words)}\n" for name, words in sorted(lines.items()))
            for side, lines in (("before", before), ("after", after))
        }
        return [{"before_header": "units", "after_header": "units", **text}]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=units.ARGUMENTS, supports_check_mode=True)
    try:
        run = Run(module)
        run.refuse_masked()
        if not module.check_mode:
            if found := run_lock.keep(module.params["run"], module.params["timeout"]):
                module.fail_json(msg=run_lock.lost(found))
            run.act()
        module.exit_json(**run.result())
    except (files.FileError, OSError, ValueError, subprocess.TimeoutExpired) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
