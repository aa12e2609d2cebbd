# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The action celeryops.systemd.preflight: its documentation stands in plugins/modules/preflight.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import filter_loader, lookup_loader
from ansible.utils.display import Display
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory import (
    arguments,
    grouped,
    names,
    plain,
    reader,
)
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory import asked as asking
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import Problem
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run import holder

ARGUMENTS: dict[str, Any] = {
    "roles": {"type": "list", "elements": "str", "default": []},
    "all_variables": {"type": "bool", "default": True},
    "refuse": {"type": "bool", "default": True},
}
# What the fact tells otherwise, or not at all.
UNTOLD = ("read", "states", "timers", "hosts")
# The only variable of Ansible's own that the fleet is read from.
ADDRESS = "ansible_host"
# What Ansible tells every host of the play.
MAGIC = ("hostvars", "groups", "ansible_play_hosts_all")
COLLECTION = Path(__file__).resolve().parents[2]
PLAYBOOKS = COLLECTION / "playbooks" / "meta" / "argument_specs.yml"

# Every task of every host runs in a process of its own, forked from one that loads actions but no filters.
# The filters and the lookup are loaded here, once, so that not each of those spends 0.1 s to load them.
filter_loader.get("celeryops.systemd.celery_settings")
lookup_loader.get("celeryops.systemd.broker", class_only=True)


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
        run = str(holder.playing())
        if given["refuse"] and all(self._checked(host) == run for host in hosts):
            return {**result, "changed": False, "problems": {}}
        roles: list[str] = given["roles"]
        fleet = self._fleet(groups, hosts)
        owners = [*self._specs] if given["all_variables"] else roles
        problems, doubts = {}, {}
        for host in hosts:
            its_roles = roles or reader.roles_of(host, groups)
            asked, wrong = self._asked(host, fleet, owners)
            problems[host] = wrong + [told for role in its_roles for told in asking.problems(role, asked)]
            doubts[host] = [doubt for role in its_roles for doubt in asking.doubts(role, asked)]
            if not problems[host]:
                fleet["hosts"][host]["plan"] = plan = self._plan(asked, roles)
                fleet["hosts"][host]["leaving"] = asking.leaving_roles(asked, plan)
                doubts[host] += plan.get("warnings", [])
        for doubt in [*grouped.lines(doubts), *([] if roles else reader.doubts(fleet["read"], groups))]:
            Display().warning(doubt)
        found = grouped.lines(problems)
        if not found or not given["refuse"]:
            facts = {"celeryops_fleet": {"run": "" if roles else run, **self._told(fleet, hosts)}}
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

    def _facts(self, host: str) -> Mapping[str, Any]:
        facts: Mapping[str, Any] = self._play["hostvars"].raw_get(host).get("ansible_facts", {})
        return facts

    def _checked(self, host: str) -> str:
        """Return the run that checked everything about the host; empty where none did."""
        return str(self._facts(host).get("celeryops_fleet", {}).get("run", ""))

    def _fleet(self, groups: reader.Groups, hosts: list[str]) -> dict[str, Any]:
        """Return what is the same for all roles; `read` are the variables of the hosts that it comes from."""
        read = {
            host: Values(self, self._variables(host, {}))
            for host in dict.fromkeys([*reader.members(groups), *hosts])
        }
        looked = {host: self._facts(host).get("celeryops", {}) for host in read}
        states = {host: found["redis"] for host, found in looked.items() if "redis" in found}
        return {
            "read": read,
            "states": states,
            "timers": reader.fleet_timers(read, groups, hosts),
            "consumed": reader.consumed(read, groups),
            "chosen_visibility_timeout": reader.chosen_visibility(read, read),
            "hosts": {
                host: reader.host_settings(host, read, groups, self._facts(host), states) for host in hosts
            },
        }

    def _asked(
        self, host: str, fleet: Mapping[str, Any], owners: list[str]
    ) -> tuple[asking.Asked, list[str]]:
        """Return what is asked of a host, and which of its variables' names and values are wrong.

        :param owners: roles whose variables are checked; a template of another may need facts of the host.
        """
        raw, variables = self.raw(host), self._variables(host, fleet)
        allowed = self.value(names.ALLOW_VARIABLE, variables, [])
        # A play of ours has names of its own, which no operator writes.
        written = {name: value for name, value in raw.items() if not name.startswith("__")}
        found = names.unread(written, self._known, [f"{role}_" for role in self._specs if role], allowed)
        options = {name for owner in owners for name in self._specs[owner]}
        for name in sorted(raw.keys() & options):
            if wrong := self.typed(name, variables)[1]:
                found += wrong
                # It counts as its default, so that the rest can be told in the same round.
                variables[name] = self.defaults.get(name)
        asked = asking.Asked(
            host=host,
            values=Values(self, variables),
            facts=variables["ansible_facts"],
            groups=self._play["groups"],
            play_hosts=self._play["ansible_play_hosts_all"],
            fleet=fleet,
        )
        return asked, [problem.text(host) for problem in found]

    def _plan(self, asked: asking.Asked, roles: list[str]) -> Any:
        """Return the plan of a host: a new one where its queues were checked, else an earlier check's."""
        if roles and "celery_worker" not in roles:
            facts = self.raw(asked.host).get("ansible_facts", {})
            known = facts.get("celeryops_fleet", {}).get("hosts", {}).get(asked.host, "{}")
            return json.loads(known).get("plan", {})
        return asking.plan(asked)

    def typed(self, name: str, variables: dict[str, Any]) -> tuple[Any, list[Problem]]:
        """Return a variable as its spec has it, and what is wrong with it."""
        option = self.options[name]
        try:
            value = self.value(name, variables, None)
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

    def value(self, name: str, variables: dict[str, Any], default: Any) -> Any:
        """Return a variable with its template resolved."""
        if name not in variables:
            return default
        return self._templar.copy_with_new_env(available_variables=variables).template(variables[name])

    def _variables(self, host: str, fleet: Mapping[str, Any]) -> dict[str, Any]:
        """Return the variables of a host as the roles see them."""
        raw = self.raw(host)
        told = self._told(fleet, [host]) if fleet else {}
        facts = {**raw.get("ansible_facts", {}), "celeryops_fleet": told}
        magic = {name: self._play[name] for name in MAGIC}
        return {**self.defaults, **raw, **self.internals, **magic, "ansible_facts": facts}

    def _told(self, fleet: Mapping[str, Any], hosts: list[str]) -> dict[str, Any]:
        """Return what the fact tells of these hosts, of each in a text.

        Every host has the fact, and Ansible copies facts leaf by leaf for each task of each host.
        """
        told = {name: value for name, value in fleet.items() if name not in UNTOLD}
        settings = {host: {**fleet["hosts"][host], "timers": fleet["timers"][host]} for host in hosts}
        return {**told, "hosts": {host: json.dumps(own) for host, own in settings.items()}}

    @cached_property
    def _specs(self) -> dict[str, Mapping[str, Any]]:
        """The options of each role; those of the playbooks have the name ''."""
        roles = {path.name: path / "meta" / "argument_specs.yml" for path in (COLLECTION / "roles").iterdir()}
        return {
            name: self._read(path)["argument_specs"]["main"].get("options", {})
            for name, path in {**roles, "": PLAYBOOKS}.items()
        }

    @cached_property
    def options(self) -> dict[str, Mapping[str, Any]]:
        """The spec of each variable."""
        return {name: option for options in self._specs.values() for name, option in options.items()}

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What each variable of a role is by itself, its template not resolved."""
        return self._merged("defaults")

    @cached_property
    def internals(self) -> dict[str, Any]:
        """What each role computes, by its name."""
        return self._merged("vars")

    @cached_property
    def _known(self) -> set[str]:
        return {*self.options, *reader.OUTPUTS}

    def _merged(self, part: str) -> dict[str, Any]:
        paths = sorted((COLLECTION / "roles").glob(f"*/{part}/main.yml"))
        return {name: value for path in paths for name, value in (self._read(path) or {}).items()}

    def _read(self, path: Path) -> Any:
        # Nobody changes it: without `unsafe` Ansible copies it, which takes longer than to read it.
        return self._loader.load_from_file(str(path), unsafe=True, trusted_as_template=True)


class Values(Mapping[str, Any]):
    """The variables of a host, each of its type; a wrong one, which is told, counts as its default."""

    def __init__(self, action: ActionModule, variables: dict[str, Any]) -> None:
        """Take the variables as the host's roles see them."""
        self._action, self._variables = action, variables
        self._known: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """Return the value of a variable that a role has, or of Ansible's own that tells where a host is."""
        if name == ADDRESS:
            return self._action.value(name, self._variables, None)
        if name not in self._known:
            value, wrong = self._action.typed(name, self._variables)
            if wrong:
                by_itself = {**self._variables, name: self._action.defaults.get(name)}
                value, wrong = self._action.typed(name, by_itself)
            default = self._action.options[name].get("default")
            self._known[name] = default if wrong or value is None else value
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names of the variables of all roles."""
        return iter(self._action.options)

    def __len__(self) -> int:
        """Return how many variables the roles have."""
        return len(self._action.options)
