"""What builds a package on a host, and what runs code of the app there for a play, has fences."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import testinfra
from builds.hostile import hostile_package
from testinfra.host import Host

testinfra_hosts = ["ansible://celery"]
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
BUILDING = "/opt/celery/releases/.building-hostile"
SECRET, PWNED = "/etc/conf.d/celery/broker.env", "/root/pwned"
HIDDEN = ("/etc/conf.d/celery", "/var/lib")
CONFINED = {"NoNewPrivs": "1", "Seccomp": "2", "CapBnd": "0000000000000000"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory with what each host has shown."""
    work = tmp_path_factory.mktemp("builds")
    package = hostile_package(work / "package", reads=Path(SECRET), writes=Path(PWNED), lists=HIDDEN)
    words = json.dumps({"package": str(package), "told": str(work)})
    play = ["ansible-playbook", str(Path(__file__).parent / "build.yml"), "-i", str(INVENTORY), "-e", words]
    done = subprocess.run(play, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    yield work
    hosts = testinfra.get_hosts([f"ansible://celery?ansible_inventory={INVENTORY}&force_ansible=false"])
    for host in hosts:
        host.check_output(f"rm -rf {BUILDING}")


@pytest.fixture
def shown(host: Host, told: Path) -> dict[str, Any]:
    name = host.ansible.get_variables()["inventory_hostname"]
    found: dict[str, Any] = json.loads((told / f"{name}.json").read_text())
    return found


def test_build_code_reads_no_secret_and_writes_nothing_of_roots(host: Host, shown: dict[str, Any]) -> None:
    user = host.check_output("id -u celery-build")
    # What is hidden is there, and nobody may look into it.
    did = {key: shown["did"][key] for key in ("uid", "read", "wrote")}
    assert did == {"uid": user, "read": "PermissionError", "wrote": "PermissionError"}
    assert shown["did"]["listed"] == dict.fromkeys(HIDDEN, "PermissionError")
    assert not host.file(PWNED).exists


def test_a_build_has_a_workers_fences_as_systemd_has_taken_them(shown: dict[str, Any]) -> None:
    assert shown["did"]["fences"] == CONFINED


@pytest.mark.usefixtures("shown")
def test_what_was_built_is_roots_as_is_what_runs(host: Host) -> None:
    for place in (BUILDING, "/opt/celery/current/"):
        assert host.check_output(f"find {place} ! -user root -o ! -group root") == ""
        assert host.check_output(f"find {place} ! -type l -perm /6022") == ""
    assert host.file("/var/cache/celery-build/app").user == "celery-build"


def test_code_of_the_app_that_a_play_runs_may_do_what_a_worker_may(shown: dict[str, Any]) -> None:
    writes = {"/opt/celery/current/pwned": "OSError", "/srv/pwned": "OSError"}  # read-only
    state = {"/var/lib/celery/written": "done", "/var/log/celery/written": "done"}
    words = {"words": "$HOME ${HOME}", "broker": True, "cwd": os.path.realpath(shown["app"]["cwd"])}
    assert shown["app"] == {**words, **writes, **state, **CONFINED}
