# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What comes before a program that a play runs and that is not root's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import yaml
from ansible_collections.celeryops.systemd.plugins.plugin_utils.run.launcher import builder
from ansible_collections.celeryops.systemd.plugins.plugin_utils.sandbox import METADATA, sandbox

# What a build needs otherwise than a worker: files for others to read, a place to write, and less to see.
OTHERWISE = {
    "UMask", "ReadWritePaths", "InaccessiblePaths", "PrivateIPC", "CacheDirectory", "CacheDirectoryMode",
    "Environment", "EnvironmentFile",
}  # fmt: skip


def properties(command: list[str]) -> list[str]:
    return [word.removeprefix("--property=") for word in command if word.startswith("--property=")]


def test_a_build_has_a_workers_fences_and_a_user_of_its_own() -> None:
    asked = builder("app")
    assert asked["user"] == "celery-build"
    command = asked["command"]
    assert (command[0], command[-1]) == ("systemd-run", "--")
    assert {"--uid=celery-build", "--gid=celery-build", "--pipe", "--wait", "--collect"} <= set(command)
    other = [line for line in properties(command) if line.partition("=")[0] not in OTHERWISE]
    assert other == [line for line in sandbox("strict") if not line.startswith("UMask=")]


def test_a_build_sees_no_secret_and_writes_only_what_it_builds() -> None:
    found = properties(builder("app")["command"])
    assert "InaccessiblePaths=-/etc/conf.d/celery" in found
    assert "InaccessiblePaths=-/var/lib" in found
    assert [line for line in found if line.startswith("ReadWritePaths")] == ["ReadWritePaths={directory}"]
    assert not any(line.startswith("PrivateNetwork") for line in found)
    denied = {line.partition("=")[2] for line in found if line.startswith("IPAddressDeny=")}
    assert denied == set(METADATA), "pip needs its index"


def test_what_builds_one_thing_writes_no_cache_of_another() -> None:
    one, other = (
        next(line for line in properties(builder(purpose)["command"]) if line.startswith("CacheDirectory="))
        for purpose in ("app", "flower")
    )
    assert one == "CacheDirectory=celery-build/app"
    assert other == "CacheDirectory=celery-build/flower"


def test_whoever_builds_by_a_module_has_them_without_asking(tmp_path: Path) -> None:
    """In check mode, where nothing is built."""
    common = {"root": str(tmp_path / "my tool"), "packages": ["x"]}
    own = {"user": "someone", "command": ["env"]}
    tasks = [{"celeryops.systemd.tool_venv": {**common, **more}} for more in ({}, {"builder": own})]
    book = tmp_path / "play.yml"
    book.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = ["ansible-playbook", "-vvv", "--check", "--connection=local", str(book)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    first, second = done.stdout.split("changed: [localhost] => ")[1:]
    taken = [
        json.JSONDecoder().raw_decode(shown)[0]["invocation"]["module_args"] for shown in (first, second)
    ]
    assert [arguments["builder"] for arguments in taken] == [builder("my_tool"), own]
