# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the roles take of the broker, from preflight and from the variables around their tasks."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from reference.roles import ROOT

REDIS = {"ansible_host": "10.0.0.9", "broker_bind": ["0.0.0.0"]}
# The name of a host and what the roles have there.
Told = dict[str, dict[str, Any]]


def told(directory: Path, broker: dict[str, Any], checks: bool = True, **of_play: Any) -> Told:
    """Return the defaults of the roles on a broker's host, on one that uses it, and on one with its own.

    :param broker: variables of the group ``celery_broker``, which the others do not have.
    :param checks: whether preflight is played before.
    :param of_play: keywords of the play.
    """
    inventory, book, out = directory / "hosts.yml", directory / "play.yml", directory / "out"
    elsewhere = {"broker_url": "redis://:own@elsewhere/3"}
    children = {
        "celery_broker": {"hosts": {"hub": {}}, "vars": broker},
        "celery_queue_mail": {"hosts": {"w1": {}, "w2": elsewhere}},
    }
    inventory.write_text(yaml.safe_dump({"celery": {"children": children}}))
    asked = {"roles": ["logrotate"], "all_variables": False}
    check = {"celeryops.systemd.preflight": asked, "run_once": True}
    defaults = [
        {"ansible.builtin.include_vars": str(ROOT / "roles" / role / "defaults" / "main.yml")}
        for role in ("celery_app", "flower")
    ]
    names = (
        "celery_app_broker_url", "celery_app_result_backend", "flower_broker_url", "flower_result_backend",
    )  # fmt: skip
    kept = ", ".join(f"'{name}': {name}" for name in names)
    content = "{{ {" + kept + "} }}"
    write = {
        "celeryops.systemd.json_file": {"path": f"{out}.{{{{ inventory_hostname }}}}", "content": content}
    }
    tasks = [*([check] if checks else []), *defaults, write]
    book.write_text(yaml.safe_dump([{"hosts": "celery", "gather_facts": False, "tasks": tasks, **of_play}]))
    command = ["ansible-playbook", "-i", str(inventory), str(book)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)
    assert done.returncode == 0, done.stdout + done.stderr
    return {host: json.loads(Path(f"{out}.{host}").read_text()) for host in ("hub", "w1", "w2")}


def test_what_is_said_for_the_broker_alone_holds_for_those_who_use_it(tmp_path: Path) -> None:
    found = told(tmp_path, {**REDIS, "broker_password": "p@ss", "broker_monitor_password": "look"})
    assert found["w1"] == {
        "celery_app_broker_url": "redis://celery:p%40ss@10.0.0.9:6379/0",
        "celery_app_result_backend": "redis://celery:p%40ss@10.0.0.9:6379/1",
        "flower_broker_url": "redis://celery-monitor:look@10.0.0.9:6379/0",
        "flower_result_backend": "redis://celery-monitor:look@10.0.0.9:6379/1",
    }
    assert found["hub"]["celery_app_broker_url"] == "redis://celery:p%40ss@127.0.0.1:6379/0"
    assert set(found["w2"].values()) == {"redis://:own@elsewhere/3", "redis://:own@elsewhere/1"}


def test_what_the_play_says_of_the_broker_counts(tmp_path: Path) -> None:
    of_play: dict[str, Any] = {"vars": {"broker_password": "{{ 'of-the-' ~ 'play' }}", "broker_port": 6380}}
    found = told(tmp_path, {**REDIS, "broker_monitor_password": "look"}, **of_play)
    assert found["w1"]["celery_app_broker_url"] == "redis://celery:of-the-play@10.0.0.9:6380/0"
    assert found["w1"]["flower_broker_url"] == "redis://celery-monitor:look@10.0.0.9:6380/0"


def test_rabbitmq_holds_no_results(tmp_path: Path) -> None:
    found = told(tmp_path, {**REDIS, "broker_type": "rabbitmq", "broker_password": "w", "broker_tls": "yes"})
    assert found["w1"]["celery_app_broker_url"] == "amqps://celery:w@10.0.0.9:5671/celery"
    assert found["w1"]["celery_app_result_backend"] is None


def test_without_a_preflight_it_is_told_what_to_play(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"play celeryops\.systemd\.preflight before"):
        told(tmp_path, REDIS, checks=False)
