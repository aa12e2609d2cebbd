"""No secret is anywhere but in files for root and the service."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
import testinfra
from testinfra.host import Host

testinfra_hosts = ["ansible://celery"]
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
SHORTEST = 8
# The broker's password, Flower's, the secret of its cookies, and one of a queue.
PLANTED = 4


def planted(host: Host) -> set[str]:
    """The secrets a host was given, as its own root-only files have them, plain and percent-encoded."""
    text = host.run("cat /etc/conf.d/celery/*.env 2>/dev/null").stdout
    raw: set[str] = set()
    raw.update(re.findall(r"://[^:@/\s]*:([^@/\s\"']+)@", text))
    raw.update(re.findall(r"^FLOWER_COOKIE_SECRET=\"?([^\"\s]+)", text, re.MULTILINE))
    raw.update(re.findall(r"^SHOP_MAIL_TOKEN=\"([^\"\s]+)", text, re.MULTILINE))
    for users in re.findall(r"^FLOWER_BASIC_AUTH=\"?([^\"\n]+)", text, re.MULTILINE):
        raw.update(user.partition(":")[2] for user in users.split(","))
    found = {value for secret in raw for value in (secret, unquote(secret))}
    assert all(len(value) >= SHORTEST for value in found), "a secret too short to search for proves nothing"
    return found


@pytest.fixture(scope="module")
def secrets() -> set[str]:
    """Those of the whole fleet: no host may show another's either."""
    where = f"ansible://celery?ansible_inventory={INVENTORY}&force_ansible=false"
    hosts: list[Host] = testinfra.get_hosts([where])
    found = {secret for host in hosts for secret in planted(host)}
    assert len(found) >= PLANTED, "the search was not given every secret, so it proves nothing"
    return found


def test_that_of_a_queue_is_in_its_workers_alone(host: Host) -> None:
    listed = host.check_output("systemctl show --property=Id,MainPID 'celery*.service'")
    units = [dict(line.split("=", 1) for line in block.splitlines()) for block in listed.split("\n\n")]
    processes = {unit["Id"]: unit["MainPID"] for unit in units if unit.get("MainPID", "0") != "0"}
    holds = {
        name for name, pid in processes.items()
        if "SHOP_MAIL_TOKEN=" in host.check_output("tr '\\0' '\\n' < /proc/%s/environ", pid)
    }  # fmt: skip
    assert holds == {name for name in processes if name.startswith("celery-worker@mail-")}


def test_units_do_not_show_them(host: Host, secrets: set[str]) -> None:
    shown = host.check_output("systemctl show --all '*'; systemctl cat 'celery*' 'redis*' || true")
    assert "system.slice" in shown
    assert [s for s in secrets if s in shown] == []


def test_processes_do_not_show_them(host: Host, secrets: set[str]) -> None:
    shown = host.check_output("ps -eww -o args; cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert [s for s in secrets if s in shown] == []


def test_journal_does_not_hold_them(host: Host, secrets: set[str]) -> None:
    # Bytes: the export format puts a message of several lines behind its length in binary.
    journal = host.run_expect([0], "journalctl --no-pager -o export -a").stdout_bytes
    assert b"systemd" in journal
    assert [s for s in secrets if s.encode() in journal] == []


def test_no_file_for_the_world_holds_them(host: Host, secrets: set[str]) -> None:
    patterns = "\\n".join(sorted(secrets))
    found = host.run(
        "printf '%%b\\n' %s > /root/planted; chmod 600 /root/planted; "
        "find / \\( -path /proc -o -path /sys \\) -prune -o -type f -perm -o=r -print0 "
        "| xargs -0 grep -lF -f /root/planted; rm -f /root/planted",
        patterns,
    )
    assert found.stdout == ""


def test_the_play_did_not_print_them(host: Host, secrets: set[str]) -> None:
    """CELERYOPS_PLAY_LOG is the output of the whole scenario, played with --diff and -vvv."""
    log = Path(os.environ["CELERYOPS_PLAY_LOG"]).read_text(encoding="utf-8")
    assert "/etc/conf.d/celery" in log
    assert [s for s in secrets if s in log] == []
