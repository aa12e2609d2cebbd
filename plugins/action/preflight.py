# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.preflight: its documentation stands in plugins/modules/preflight.py."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader
from ansible.utils.display import Display
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory import (
    arguments,
    grouped,
    names,
    plain,
    reader,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import Problem

ARGUMENTS: dict[str, Any] = {
    "roles": {"type": "list", "elements": "str", "default": []},
    "all_variables": {"type": "bool", "default": True},
    "refuse": {"type": "bool", "default": True},
}
# What Ansible tells every host of the play.
MAGIC = ("hostvars", "groups", "ansible_play_hosts_all")
COLLECTION = Path(__file__).resolve().parents[2]
PLAYBOOKS = COLLECTION / "playbooks" / "meta" / "argument_specs.yml"

# Every task of every host runs in a process of its own, forked from one that loads actions but no filters.
# The filters of this collection are loaded here, once, so that not each of those spends 0.1 s to load them.
filter_loader.get("celeryops.systemd.host_problems")


class ActionModule(ActionBase):
    """Reads the inventory on the controller, once for all hosts; no host is touched."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Fail with all that is wrong, or return what concerns the whole fleet."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=ARGUMENTS)
        self._play = task_vars or {}
        self._seen: dict[str, dict[str, Any]] = {}
        groups, hosts = self._play["groups"], self._play["ansible_play_hosts_all"]
        # Each task runs in a process of its own, forked from that of the run.
        run = str(os.getppid())
        if given["refuse"] and all(self._checked(host) == run for host in hosts):
            return {**result, "changed": False, "problems": {}}
        members = list(dict.fromkeys([*reader.members(groups), *hosts]))
        hostvars = {host: self._read_by_others(host) for host in members}
        told_of = {host: reader.host_settings(host, hostvars, groups) for host in hosts}
        fleet = {
            "run": run if not given["roles"] else "",
            "timers": reader.fleet_timers(hostvars, groups, hosts),
            "chosen_visibility_timeout": reader.chosen_visibility(hostvars, members),
            "hosts": told_of,
        }
        owners = [*self._specs] if given["all_variables"] else given["roles"]
        problems = {
            host: self._problems(host, fleet, given["roles"] or reader.roles_of(host, groups), owners)
            for host in hosts
        }
        for host, wrong in problems.items():
            told_of[host]["plan"] = {} if wrong else self._plan(host, fleet, given["roles"])
        found = grouped.lines(problems)
        for doubt in [] if given["roles"] else reader.doubts(hostvars, groups):
            Display().warning(doubt)
        if not found or not given["refuse"]:
            facts = {"celeryops_fleet": fleet}
            return {**result, "changed": False, "problems": problems, "ansible_facts": facts}
        for line in ["", *found, ""]:
            Display().display(line, color="red")
        count = f"{len(found)} problem{'s' if len(found) > 1 else ''}"
        return {**result, "failed": True, "msg": f"{count} of the inventory, told above; nothing was changed"}

    def raw(self, host: str) -> dict[str, Any]:
        """Return the variables of a host as this task would see them there, those of the play among them.

        `hostvars` has only the inventory's, facts and what comes by -e.
        """
        if host not in self._seen:
            hostvars, everyone = self._play["hostvars"], self._play["ansible_play_hosts_all"]
            self._seen[host] = hostvars._variable_manager.get_vars(
                play=self._task.get_play(),
                host=hostvars._inventory.get_host(host),
                task=self._task,
                include_hostvars=False,
                _hosts=everyone,
                _hosts_all=everyone,
            )
        return self._seen[host]

    def _checked(self, host: str) -> str:
        """Return the run that checked everything about the host; empty where none did."""
        facts = self._play["hostvars"].raw_get(host).get("ansible_facts", {})
        return str(facts.get("celeryops_fleet", {}).get("run", ""))

    def _problems(
        self, host: str, fleet: Mapping[str, Any], roles: list[str], owners: list[str]
    ) -> list[str]:
        """Return what is wrong for one host: names and values first, then what each role says of them.

        :param roles: those that are asked.
        :param owners: those whose variables are checked; a template of another may need facts of the host.
        """
        options = {name for owner in owners for name in self._specs[owner]}
        raw = self.raw(host)
        variables = self._variables(raw, fleet)
        allowed = self._value(names.ALLOW_VARIABLE, variables, [])
        problems = names.unread(raw, self._known, [f"{role}_" for role in self._specs if role], allowed)
        wrong = {}
        for name in sorted(raw.keys() & options):
            if found := self._wrong_value(name, variables):
                wrong[name] = found
        problems += [problem for found in wrong.values() for problem in found]
        # What is told already counts as its default, so that the rest can be told in the same round.
        variables |= {name: self._defaults.get(name) for name in wrong}
        told = [problem.text(host) for problem in problems]
        for role in roles:
            told += self._value(f"__{role}_problems", variables, [])
        return told

    def _plan(self, host: str, fleet: Mapping[str, Any], roles: list[str]) -> Any:
        """Return the plan of a host: a new one where its queues were checked, else an earlier check's."""
        raw = self.raw(host)
        if roles and "celery_worker" not in roles:
            known = raw.get("ansible_facts", {}).get("celeryops_fleet", {}).get("hosts", {})
            return known.get(host, {}).get("plan", {})
        return self._value("__celery_worker_plan", self._variables(raw, fleet), {})

    def _read_by_others(self, host: str) -> dict[str, Any]:
        """Return what other roles read of a host's variables; a wrong value counts as its default."""
        variables = self._variables(self.raw(host), {})
        read = {}
        for name in reader.READ:
            value, wrong = self._typed(name, variables)
            read[name] = self._options[name].get("default") if wrong or value is None else value
        return read

    def _wrong_value(self, name: str, variables: dict[str, Any]) -> list[Problem]:
        return self._typed(name, variables)[1]

    def _typed(self, name: str, variables: dict[str, Any]) -> tuple[Any, list[Problem]]:
        """Return a variable as its spec has it, and what is wrong with it."""
        option = self._options[name]
        try:
            value = self._value(name, variables, None)
        except AnsibleError as error:
            shown = names.shown(name, variables[name])
            what = f"its template cannot be resolved: {error.message}"
            return None, [Problem(name, shown, what, "fix the template or what it names")]
        problems = arguments.misshapen(name, value, option)
        if problems or value is None:
            return value, problems
        alone = {key: part for key, part in option.items() if key not in ("default", "required")}
        validated = ArgumentSpecValidator({name: alone}).validate({name: value})
        said = validated.error_messages
        problems = [arguments.refused(name, value, option, said[0])] if said else plain.problems(name, value)
        return validated.validated_parameters[name], problems

    def _value(self, name: str, variables: dict[str, Any], default: Any) -> Any:
        if name not in variables:
            return default
        return self._templar.copy_with_new_env(available_variables=variables).template(variables[name])

    def _variables(self, raw: Mapping[str, Any], fleet: Mapping[str, Any]) -> dict[str, Any]:
        """Return the variables of a host as the roles see them."""
        facts = {**raw.get("ansible_facts", {}), "celeryops_fleet": fleet}
        magic = {name: self._play[name] for name in MAGIC}
        return {**self._defaults, **raw, **self._internals, **magic, "ansible_facts": facts}

    @cached_property
    def _specs(self) -> dict[str, Mapping[str, Any]]:
        """The options of each role; those of the playbooks have the name ''."""
        roles = {path.name: path / "meta" / "argument_specs.yml" for path in (COLLECTION / "roles").iterdir()}
        return {
            name: self._read(path)["argument_specs"]["main"].get("options", {})
            for name, path in {**roles, "": PLAYBOOKS}.items()
        }

    @cached_property
    def _options(self) -> dict[str, Mapping[str, Any]]:
        return {name: option for options in self._specs.values() for name, option in options.items()}

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        return self._merged("defaults")

    @cached_property
    def _internals(self) -> dict[str, Any]:
        return self._merged("vars")

    @cached_property
    def _known(self) -> set[str]:
        return {*self._options, *reader.OUTPUTS}

    def _merged(self, part: str) -> dict[str, Any]:
        paths = sorted((COLLECTION / "roles").glob(f"*/{part}/main.yml"))
        return {name: value for path in paths for name, value in (self._read(path) or {}).items()}

    def _read(self, path: Path) -> Any:
        return self._loader.load_from_file(str(path), trusted_as_template=True)
