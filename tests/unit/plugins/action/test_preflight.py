# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The one preflight: every variable's type and every name, in one round, before any host is touched."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory import (
    arguments,
    celery_names,
    grouped,
    names,
)
from celery.app import defaults as celery_defaults
from hypothesis import given
from hypothesis import strategies as st
from reference.roles import ROOT, roles

PLAYBOOKS = ROOT / "playbooks/meta/argument_specs.yml"
OPTIONS: dict[str, dict[str, Any]] = {
    **{name: option for role in roles() for name, option in role.options.items()},
    **yaml.safe_load(PLAYBOOKS.read_text())["argument_specs"]["main"]["options"],
}
PREFIXES = [f"{role.name}_" for role in roles()]
# Values that no spec of the type takes.
WRONG: dict[str, Any] = {
    "int": "5m",
    "float": "half",
    "bool": "perhaps",
    "list": "one, two",
    "dict": "one",
    "str": ["one"],
    "path": ["one"],
}

LOADS = """
import sys
from ansible.plugins.loader import action_loader, init_plugin_loader
init_plugin_loader()
action_loader.get("celeryops.systemd.preflight", class_only=True)
print(*sys.modules, sep="\\n")
"""


def test_loading_the_action_loads_what_the_filters_import() -> None:
    """As the process does from which every task's own is forked."""
    modules = subprocess.run([sys.executable, "-c", LOADS], capture_output=True, text=True, check=True).stdout
    utils = "ansible_collections.celeryops.systemd.plugins.plugin_utils"
    lookup = "ansible_collections.celeryops.systemd.plugins.lookup.broker"
    loaded = {lookup, f"{utils}.plan.planning", f"{utils}.beat.options", f"{utils}.inventory.problems"}
    assert loaded <= set(modules.split())


def play(
    directory: Path,
    variables: dict[str, Any],
    *words: str,
    variables_of_play: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[int, list[str]]:
    """Play the action alone on a host that nobody contacts; return the status and the lines printed."""
    inventory, book = directory / "hosts.yml", directory / "play.yml"
    hosts: dict[str, Any] = {"celery_queue_mail": {"hosts": {"w1": {}, "w2": {}}}}
    inventory.write_text(yaml.safe_dump({"celery": {"children": hosts, "vars": variables}}))
    task = {"celeryops.systemd.preflight": {"roles": ["logrotate"], **options}, "run_once": True}
    own = variables_of_play or {}
    book.write_text(
        yaml.safe_dump([{"hosts": "celery", "gather_facts": False, "vars": own, "tasks": [task]}])
    )
    command = ["ansible-playbook", "-i", str(inventory), str(book), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)
    return done.returncode, [*done.stdout.splitlines(), *done.stderr.splitlines()]


def test_of_one_role_only_its_own_variables_are_checked(tmp_path: Path) -> None:
    """As for a plan of hosts that nobody contacts: another role's template may need their facts."""
    wrong = {"broker_bind": ["{{ ansible_facts['default_ipv4']['address'] }}"], "logrotate_keep": "x"}
    status, lines = play(tmp_path, wrong, all_variables=False)
    assert status != 0
    assert told(lines, "logrotate_keep")
    assert told(lines, "broker_bind") == []


FLEET = {
    "celery": {
        "children": {
            "celery_broker": {
                "hosts": {"hub": {"ansible_host": "10.0.0.9"}},
                "vars": {
                    "broker_type": "rabbitmq",
                    "broker_tls": "true",
                    "broker_key_prefix": "shop:",
                    "broker_rabbitmq_consumer_timeout": "7200",
                    "broker_bind": ["0.0.0.0"],
                    "broker_password": "your_broker_password_here",
                },
            },
            "celery_queue_mail": {
                "hosts": {"w1": {}, "w2": {"broker_url": "redis://elsewhere/0", "broker_tls": True}}
            },
        },
        "vars": {"celery_host_user": "shop", "flower_memory_max_mb": 300},
    }
}


def fleet_of(directory: Path, role: str = "logrotate", **of_play: Any) -> dict[str, Any]:
    """Return what preflight tells the roles of each host.

    :param role: The one that is checked.
    :param of_play: Further keywords of the play.
    """
    inventory, book = directory / "hosts.yml", directory / "play.yml"
    inventory.write_text(yaml.safe_dump(FLEET))
    asked = {"roles": [role], "all_variables": False}
    check = {"celeryops.systemd.preflight": asked, "run_once": True}
    content = {"content": "{{ ansible_facts['celeryops_fleet'] | to_json }}", "dest": str(directory / "out")}
    keep = {"ansible.builtin.copy": content, "delegate_to": "localhost", "run_once": True}
    play = {"hosts": "celery", "gather_facts": False, "tasks": [check, keep], **of_play}
    book.write_text(yaml.safe_dump([play]))
    command = ["ansible-playbook", "-i", str(inventory), str(book), "--connection=local"]
    subprocess.run(command, capture_output=True, text=True, check=True, cwd=directory)
    found: dict[str, Any] = json.loads((directory / "out").read_text())
    found["hosts"] = {host: json.loads(told) for host, told in found["hosts"].items()}
    return found


def test_what_is_said_of_the_broker_for_its_own_host_holds_where_it_is_reached_from(tmp_path: Path) -> None:
    hosts = fleet_of(tmp_path)["hosts"]
    assert hosts["w1"]["broker"] == {
        "type": "rabbitmq",
        "tls": True,
        "key_prefix": "shop:",
        "queue_type": "quorum",
        "consumer_timeout": 7200,
        "delivery_limit": 20,
        "place": {
            "url": "amqps://10.0.0.9:5671/celery",
            "elsewhere": {"broker_password": "hub"},
            "primary_name": "celery",
        },
        "served": {},
    }
    assert hosts["hub"]["broker"]["served"]["peers"] == {"hub": "10.0.0.9"}
    assert hosts["w1"]["settings"]["task_default_queue_type"] == "quorum"
    # The CA is that of the fleet's own broker.
    assert (hosts["w2"]["broker"]["type"], hosts["w2"]["broker"]["tls"]) == ("external", False)


def test_the_roles_of_a_host_are_told_of_each_other_with_every_default(tmp_path: Path) -> None:
    own = fleet_of(tmp_path)["hosts"]["w1"]
    assert (own["user"], own["group"]) == ("shop", "celery")
    assert own["directory"] == "/opt/celery/current/app"
    assert own["reserve"] == {"flower": 300}
    assert "your_broker_password_here" not in json.dumps(own)


def test_the_queues_that_the_fleet_consumes_are_told(tmp_path: Path) -> None:
    queues = {"mail": {"consumes": ["mail", "news"]}, "on-none": {}}
    fleet = fleet_of(tmp_path, vars={"celery_worker_queues": queues})
    assert fleet["consumed"] == ["mail", "news"]
    assert fleet["hosts"]["w1"]["beat_sends"] is None


def test_a_host_is_told_what_leaves_it_and_what_its_roles_may_use(tmp_path: Path) -> None:
    seen = {
        "cores": 2, "memory_mb": 4096, "workers": ["mail-prefork"],
        "units": ["celery-beat.service", "celery-worker@.service", "celery.slice"],
    }  # fmt: skip
    look = {"ansible.builtin.set_fact": {"celeryops": seen, "cacheable": True}}
    queues: dict[str, Any] = {"celery_worker_queues": {"mail": {}}}
    own = fleet_of(tmp_path, "celery_worker", pre_tasks=[look], vars=queues)["hosts"]["w1"]
    assert own["leaving"] == ["celery_beat"]
    assert own["memory"] == {"broker": 512, "beat": 256, "flower": 256}
    # Without a plan, nobody knows which workers stay.
    assert fleet_of(tmp_path, pre_tasks=[look])["hosts"]["w1"]["leaving"] == []


def test_variables_of_the_play_hold_for_every_host_over_those_of_the_inventory(tmp_path: Path) -> None:
    """As import_playbook gives them to the site play."""
    (tmp_path / "more.yml").write_text("celery_host_group: crew\n")
    given = {"celery_app_directory": "/srv/{{ inventory_hostname }}", "celery_host_user": "boss"}
    fleet = fleet_of(
        tmp_path, vars={**given, "celery_app_task_time_limit": "{{ 60 * 60 * 2 }}"}, vars_files=["more.yml"]
    )
    for host in ("w1", "w2"):
        own = fleet["hosts"][host]
        assert (own["directory"], own["user"], own["group"]) == (f"/srv/{host}", "boss", "crew")
        assert own["timers"]["time_limit"] == 7200
        assert own["timers"]["visibility_timeout"] > 7200


def test_a_name_that_only_our_own_plays_have_passes(tmp_path: Path) -> None:
    status, lines = play(tmp_path, {}, variables_of_play={"__celery_host_lock": True})
    assert status == 0, lines


def test_a_wrong_variable_of_the_play_is_told(tmp_path: Path) -> None:
    status, lines = play(tmp_path, {}, variables_of_play={"logrotate_keep": "x"})
    assert status != 0
    assert told(lines, "logrotate_keep")


def told(lines: list[str], name: str) -> list[str]:
    return [line for line in lines if re.search(rf"^w1, w2: {re.escape(name)} = ", line)]


def test_a_wrong_type_of_every_variable_is_told_once_in_one_round(tmp_path: Path) -> None:
    wrong = {name: WRONG[option.get("type", "str")] for name, option in OPTIONS.items()}
    status, lines = play(tmp_path, wrong)
    assert status != 0
    assert {name: len(told(lines, name)) for name in wrong} == dict.fromkeys(wrong, 1)


def test_a_wrong_choice_of_every_variable_that_has_some_is_told(tmp_path: Path) -> None:
    wrong = dict.fromkeys((name for name, option in OPTIONS.items() if option.get("choices")), "no_such")
    status, lines = play(tmp_path, wrong)
    assert status != 0
    assert wrong
    assert [name for name in wrong if len(told(lines, name)) != 1] == []


def test_a_misspelt_name_of_every_variable_is_told(tmp_path: Path) -> None:
    misspelt = {f"{name[:-2]}{name[-1]}{name[-2]}x": 1 for name in OPTIONS}
    status, lines = play(tmp_path, misspelt)
    assert status != 0
    assert [name for name in misspelt if len(told(lines, name)) != 1] == []


def test_what_is_right_and_what_is_not_ours_passes(tmp_path: Path) -> None:
    ours = {"celery_worker_watchdog": "60", "broker_tls": "yes", "logrotate_keep": 3}
    others = {
        "tower_port": 80, "docker_host": "x", "vlan_id": 7, "planet": 1, "timezone": "UTC", "lower_bound": 1,
        "broker_team": "payments", "celery_app_foreign_variables": ["broker_team"], "workers": 3,
    }  # fmt: skip
    status, lines = play(tmp_path, {**ours, **others})
    assert status == 0, lines


def test_what_comes_by_the_command_line_counts(tmp_path: Path) -> None:
    status, lines = play(tmp_path, {}, "-e", "celery_beat_watchdog=soon")
    assert status != 0
    assert told(lines, "celery_beat_watchdog")


def test_a_template_that_cannot_be_resolved_is_told(tmp_path: Path) -> None:
    status, lines = play(tmp_path, {"broker_password": "{{ vault_that_is_not_there }}"})
    assert status != 0
    (line,) = told(lines, "broker_password")
    assert "vault_that_is_not_there" in line


def test_no_secret_is_shown(tmp_path: Path) -> None:
    secrets = {"broker_pasword": "a-secret", "broker_password": ["a-secret"], "flower_users": "a-secret"}
    status, lines = play(tmp_path, {**secrets, "celery_app_environment": "a-secret"})
    assert status != 0
    assert "a-secret" not in "\n".join(lines)


def test_no_secret_of_a_queue_is_shown_or_in_a_fact(tmp_path: Path) -> None:
    for environment in ({"TOKEN": "a-secret"}, {"TOKEN": "a-secret\0"}):
        queues = {"mail": {"environment": environment}}
        status, lines = play(tmp_path, {"celery_worker_queues": queues}, "-vvv")
        shown = "\n".join(lines)
        assert (status == 0) is (environment == {"TOKEN": "a-secret"}), shown
        assert "celeryops_fleet" in shown if status == 0 else "(hidden)" in shown
        assert "a-secret" not in shown
    status, lines = play(tmp_path, {"celery_worker_queues": [{"environment": {"TOKEN": "a-secret"}}]})
    assert status != 0
    assert "a-secret" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("celery_app_enviroment", "did you mean celery_app_environment?"),
        ("celery_beat_schedule", "did you mean celery_beat_schedules?"),
        ("brocker_tls", "did you mean broker_tls?"),
        ("worker_concurrency", "set concurrency of the queue in celery_worker_queues"),
        ("task_acks_late", "set celery_app_settings.task_acks_late"),
        ("celery_worker_task_time_limit", "rename it to celery_app_task_time_limit"),
        ("rollout_min_capasity", "did you mean rollout_min_capacity?"),
    ],
)
def test_a_name_that_nobody_reads_comes_with_the_one_that_was_meant(name: str, fix: str) -> None:
    (problem,) = names.unread({name: 1}, set(OPTIONS), PREFIXES)
    assert problem.variable == name
    assert fix in problem.fix


@given(st.sampled_from(sorted(OPTIONS)), st.data())
def test_one_wrong_letter_is_never_read_in_silence(name: str, data: st.DataObject) -> None:
    """A letter lost, doubled or exchanged anywhere, also in the prefix."""
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from(["", name[place] * 2, "q"]))
    changed = name[:place] + letter + name[place + 1 :]
    if changed not in OPTIONS and changed.count("_") >= name.count("_"):
        prefixed = [*PREFIXES, *names.PLAYBOOK_PREFIXES]
        found = names.unread({changed: 1}, set(OPTIONS), PREFIXES)
        playbooks_only = name.startswith(names.PLAYBOOK_PREFIXES) and not changed.startswith(tuple(prefixed))
        assert found or playbooks_only


@given(
    st.sampled_from(sorted(OPTIONS)),
    st.one_of(
        st.integers(),
        st.text(),
        st.booleans(),
        st.lists(st.integers()),
        st.dictionaries(st.text(), st.none()),
    ),
)
def test_a_value_of_another_shape_is_refused_with_its_name(name: str, value: Any) -> None:
    option = OPTIONS[name]
    shape = {"list": list, "dict": dict}.get(option.get("type", "str"))
    found = arguments.misshapen(name, value, option)
    if shape and not isinstance(value, shape):
        assert [problem.variable for problem in found] == [name]
    if not shape and isinstance(value, list | dict) and option.get("type") != "raw":
        assert [problem.variable for problem in found] == [name]


def test_celerys_own_names_are_those_of_the_installed_celery() -> None:
    assert dict(celery_defaults.flatten(celery_defaults.NAMESPACES)).keys() == celery_names.SETTINGS


def test_an_unknown_setting_is_told_and_can_be_allowed() -> None:
    asked = {"task_acks_lat": True, "redbeat_redis_url": "x", "shop_colour": "red", "task_acks_late": True}
    found = names.unknown_settings(asked, ["shop_colour"])
    assert [(problem.variable, problem.fix[:27]) for problem in found] == [
        ("celery_app_settings.task_acks_lat", "did you mean task_acks_late")
    ]


def test_each_problem_is_told_once_with_its_hosts() -> None:
    many = {f"w{number}": [f"w{number}: a = 1: wrong; fix"] for number in range(6)}
    assert grouped.lines({"w1": ["w1: a", "w1: b"], "w2": ["w2: a"]}) == ["w1, w2: a", "w1: b"]
    assert grouped.lines(many) == ["all 6 hosts: a = 1: wrong; fix"]
    assert grouped.lines({**many, "x": []}) == ["w0, w1, w2 and 3 others: a = 1: wrong; fix"]
