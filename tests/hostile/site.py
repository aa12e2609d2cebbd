# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a play would do to a host, without any host: what preflight says, and the arguments of every task.

A process of its own, for Ansible's plugin loader and a test's plain imports do not go together. It reads a
JSON object a line, and answers in a line: `Site` is the other end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Container, Iterator, Mapping
from copy import copy
from functools import cache
from types import SimpleNamespace
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.plugins.lookup import template
from ansible.template import Templar
from jinja2 import Environment
from reference.roles import ROOT

from hostile.inventory import HOST, play, put, variables

FACTS: Mapping[str, Any] = {
    "os_family": "Debian", "distribution": "Debian", "distribution_version": "12.5",
    "python_version": "3.11.2", "memtotal_mb": 8192, "service_mgr": "systemd",
    "celeryops": {
        "cores": 4, "memory_mb": 8192, "pid1": "systemd", "systemd": 252, "python": "3.11.2", "units": {},
        "drained": False, "releases": ["r0"], "release": "r0", "deployed": ["r0"], "checked": "",
        "rolled_back": "", "missing_packages": [], "redis": {"primary": "", "epoch": 0, "data": False},
    },
}  # fmt: skip
#: What earlier tasks of a play leave for later ones.
REGISTERED: Mapping[str, Any] = {
    "ansible_managed": "Ansible managed",
    "__broker_ca_read": {"content": ""},
    "__broker_users": {},
    "ansible_check_mode": False,
    "__celery_app_agent_files": [],  # the agent's code, the same for every inventory
    "__celery_app_building": {"directory": "/opt/celery/releases/.r1"},
    "__celery_app_imported": {"rc": 0, "stdout": ""},
    "celery_app_command": ["true"],
    "__celery_app_ran": {"rc": 0, "stdout": "", "stderr": ""},
    "__flower_venv": {"path": "/opt/celery/flower/venv"},
}  # fmt: skip
ARTIFACT = {
    "path": "/tmp/r1.tar.gz", "source": "a directory", "installed": "i1", "pip_arguments": [],
    "pip_beside": "",
}  # fmt: skip
#: What of the role broker is not played, by the fleet.
ELSEWHERE = {
    "redis": ("broker/tasks/rabbitmq", "broker/tasks/sentinel"),
    "sentinel": ("broker/tasks/rabbitmq",),
    "rabbitmq": ("broker/tasks/redis", "broker/tasks/sentinel"),
    "external": ("broker/tasks/r", "broker/tasks/sentinel"),
}
#: Tasks that change nothing, or whose arguments are what another task said.
LEFT_OUT = (
    "assert",
    "check",
    "debug",
    "fail",
    "include_tasks",
    "import_tasks",
    "meta",
    "preflight",
    "sender",
    "set_fact",
    "table",
)


class Hostvars(dict[str, Any]):
    """Variables of each host, as Ansible's own."""

    def raw_get(self, host: str) -> Any:
        """Return them."""
        return self[host]


@cache
def action_of(roles: tuple[str, ...]) -> Any:
    """The action that asks these roles; one for all questions, for it reads every role's files."""
    from ansible_collections.celeryops.systemd.plugins.action.preflight import (  # noqa: PLC0415 - needs the plugin loader
        ActionModule,
    )

    given = {"refuse": False, "roles": list(roles), "all_variables": not roles}
    task = SimpleNamespace(args=given, async_val=0, diff=False, check_mode=False)
    shell = SimpleNamespace(_shell=SimpleNamespace(tmpdir="none"))
    parts: dict[str, Any] = {"task": task, "connection": shell, "play_context": None}
    templar = Templar(loader=LOADER, variables={})
    return ActionModule(loader=LOADER, templar=templar, shared_loader_obj=None, **parts)


@cache
def told_before(site: str) -> Any:
    """What an earlier preflight told of a fleet: the plan of a host whose workers nobody asks again."""
    return preflight(play(site, variables(site), FACTS), [])[2]


def preflight(known: Mapping[str, Any], roles: list[str]) -> tuple[list[str], Any, Any]:
    """Return what preflight refuses of the host, its action, and what it tells the roles of the fleet.

    :param roles: those that are asked; none asks all.
    """
    action = action_of(tuple(roles))
    hostvars = Hostvars(known["hostvars"])
    action.raw = hostvars.raw_get  # no play is there, whose variables it would add
    result = action.run(task_vars={**known, "hostvars": hostvars})
    return result["problems"][HOST], action, result["ansible_facts"]["celeryops_fleet"]


@cache
def tasks() -> list[tuple[str, str, str, Any, Any]]:
    """Every task that changes something: its role, name, module, arguments, and the variables around it."""
    found: list[tuple[str, str, str, Any, Any]] = []
    for path in sorted((ROOT / "roles").glob("*/tasks/**/*.yml")):
        role = path.relative_to(ROOT / "roles").parts[0]
        listed = LOADER.load_from_file(str(path), trusted_as_template=True) or []
        where = path.relative_to(ROOT / "roles")
        found += [(role, f"{where}: {name}", *rest) for name, *rest in _tasks(listed, {})]
    return found


def _tasks(listed: list[Any], around: Mapping[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    for task in listed:
        its = {**around, **task.get("vars", {})}
        for part in ("block", "rescue", "always"):
            yield from _tasks(task.get(part) or [], its)
        for key in task:
            module = key.rpartition(".")[2]
            if "." in key and module not in LEFT_OUT:
                yield task["name"], module, task[key], its


def done(known: Mapping[str, Any], action: Any, fleet: Any, wanted: Container[str]) -> dict[str, Any]:
    """Return the module and the arguments of tasks, by their names.

    :param wanted: the names.
    """
    raw = known["hostvars"][HOST]
    packed = {**ARTIFACT, "release": raw["celery_app_release"], "pip_packages": raw["celery_app_packages"]}
    common = {
        **action.defaults, **raw, **action.internals, **known, **REGISTERED,
        "hostvars": Hostvars(known["hostvars"]),
        "ansible_facts": {**raw["ansible_facts"], "celeryops_fleet": fleet},
        "__celery_app_artifact": packed,
    }  # fmt: skip
    found = {}
    for role, name, module, arguments, around in tasks():
        if name in wanted:
            place = str(ROOT / "roles" / role)
            own = {**common, **around, "role_path": place, "ansible_search_path": [place]}
            said = Templar(loader=LOADER, variables=own).template(arguments)
            found[name] = {"module": module, "arguments": said}
    return found


def be_quick() -> None:
    """Let Jinja compile each template once, and copy one level of the variables."""
    vars(template)["deepcopy"] = copy
    compiled: Any = Environment.compile
    code: Any = cache(lambda kind, *template: compiled(ENVIRONMENTS[kind], *template))

    def compile_known(
        self: Environment, source: Any, name: Any = None, filename: Any = None, **more: Any
    ) -> Any:
        if more.get("raw") or more.get("defer_init") or not isinstance(source, str):
            return compiled(self, source, name, filename, **more)
        ENVIRONMENTS.setdefault(type(self), self)
        return code(type(self), str(source), name, filename)

    setattr(Environment, "compile", compile_known)  # noqa: B010 - mypy minds the other way


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What preflight says of a fleet, and what its tasks would do where it says nothing."""
    its = variables(asked["site"])
    if "place" in asked:
        its = put(its, tuple(asked["place"]), asked["text"])
    known = play(asked["site"], its, FACTS)
    raw = known["hostvars"][HOST]
    raw["ansible_facts"] = {**raw["ansible_facts"], "celeryops_fleet": told_before(asked["site"])}
    try:
        problems, action, fleet = preflight(known, asked["roles"])
        if problems or "tasks" not in asked:
            return {"problems": problems}
        all_of_it = [name for _role, name, *_rest in tasks() if not _of_another(asked["site"], name)]
        return {"problems": [], "tasks": done(known, action, fleet, asked["tasks"] or all_of_it)}
    except Exception as error:
        return {"problems": [], "crash": f"{type(error).__name__}: {error}"}


def _of_another(site: str, name: str) -> bool:
    """Whether a task is for another broker than the fleet's."""
    return name.startswith(ELSEWHERE[site])


class Site:
    """The process, from the other end."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hostile.site"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **asked: Any) -> dict[str, Any]:
        """See `answer`; `roles` are those whose preflight is asked, `tasks` those that are looked at."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def end(self) -> None:
        """End it."""
        self._process.communicate()


def main() -> None:
    """Answer until there is no more to read."""
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)), default=str), flush=True)


ENVIRONMENTS: dict[Any, Environment] = {}
LOADER = DataLoader()
if __name__ == "__main__":
    init_plugin_loader()
    be_quick()
    main()
