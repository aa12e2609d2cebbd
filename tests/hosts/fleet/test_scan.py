"""What a user of a host can do: change nothing of root's, read no secret, decide nothing that root runs."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import testinfra
from load.remote import Hosts
from testinfra.host import Host

testinfra_hosts = ["ansible://celery"]
HERE = Path(__file__).parent
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
PROJECT = Path(os.environ["MOLECULE_PROJECT_DIRECTORY"])
HOSTS = Hosts(PROJECT / ".cache/lab" / os.environ["MOLECULE_SCENARIO_NAME"] / "ssh_config")
# A stranger, those whose services a hole in an app or in Redis would open, and who builds what others wrote.
USERS = ("nobody", "celery", "redis", "celery-build")
# A scan that saw less was kept out of most of the host, and proves nothing.
FEWEST = 5000
# What a service is given to do its work with. Flower's, which root hands over by systemd, is not in it.
OWN = {"celery": {f"/etc/conf.d/celery/{name}.env" for name in ("app", "beat", "broker")}}
PLANTED = 5


def planted(host: Host) -> set[str]:
    """The secrets of a host: in URLs, of Flower, of Redis' administrator, and the keys for TLS."""
    told = host.check_output("cat /etc/conf.d/celery/*.env 2>/dev/null || true")
    found = set(re.findall(r"://[^:@/\s]*:([^@/\s\"']+)@", told))
    found.update(re.findall(r"^FLOWER_COOKIE_SECRET=\"?([^\"\s]+)", told, re.MULTILINE))
    for users in re.findall(r"^FLOWER_BASIC_AUTH=\"?([^\"\n]+)", told, re.MULTILINE):
        found.update(user.partition(":")[2] for user in users.split(","))
    search = r"find /etc \( -name celery-admin.secret -o -name ca.key -o -name server.pem \) -exec cat {} +"
    # Of a key each line that no other text has by chance.
    lines = host.check_output(search).splitlines()
    found.update(line for line in lines if re.fullmatch(r"[\w+/=]{40,}", line))
    return {value for secret in found for value in (secret, unquote(secret))}


@pytest.fixture(scope="module")
def secrets() -> list[str]:
    """Those of the whole fleet."""
    where = f"ansible://celery?ansible_inventory={INVENTORY}&force_ansible=false"
    hosts: list[Host] = testinfra.get_hosts([where])
    found = {secret for host in hosts for secret in planted(host)}
    assert len(found) >= PLANTED, "the scan was not given every secret, so it proves nothing"
    return sorted(found)


def on_host(host: Host, script: str, user: str, stdin: str = "") -> Any:
    """Run a script of this directory on a host as a user, and return what it writes."""
    # The secrets are no argument: the standard input brings them.
    text = (HERE / script).read_text(encoding="utf-8")
    name = host.check_output("hostname")
    return json.loads(HOSTS.run(name, ["runuser", "-u", user, "--", "python3", "-c", text], stdin))


@pytest.fixture(scope="module")
def run(host: Host) -> list[str]:
    """The paths from which root runs something on a host."""
    found: list[str] = on_host(host, "run_by_root.py", "root")
    assert any("/systemd/systemd" in path for path in found)
    assert any(path.startswith("/etc/systemd/system/") and "celery" in path for path in found)
    return found


@pytest.mark.parametrize("user", USERS)
def test_a_user_has_no_way_to_root(host: Host, user: str, secrets: list[str], run: list[str]) -> None:
    present = host.user(user).exists
    # Redis is where the broker is, and who builds is elsewhere.
    assert present or user in ("redis", "celery-build")
    if present:
        seen = on_host(host, "scan.py", user, json.dumps({"secrets": secrets, "run": run}))
        assert seen["seen"] >= FEWEST
        seen["readable"] = sorted(set(seen["readable"]) - OWN.get(user, set()))
        assert seen == {"seen": seen["seen"], "writable": [], "readable": [], "run": []}
