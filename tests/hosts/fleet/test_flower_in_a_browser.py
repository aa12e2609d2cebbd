"""Flower's pages work in a real browser: with the password they show the workers, without it nothing."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import testinfra
from testinfra.host import Host

testinfra_hosts = ["ansible://celery_flower"]
INVENTORY = Path(os.environ["MOLECULE_INVENTORY_FILE"]).parent
ADDRESS = "127.0.0.1:5555"
PATIENCE = 180.0  # seconds
PAGE, HOME = "/var/tmp/flower.html", "/var/tmp/browser"
BROWSER = [
    *("timeout", "120", "runuser", "-u", "nobody", "--", "env", f"HOME={HOME}", "chromium-headless-shell"),
    *("--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={HOME}"),
    *("--virtual-time-budget=20000", "--dump-dom"),
]


def seen(host: Host, login: str = "") -> str:
    """What the browser makes of Flower's first page, once its scripts have filled it.

    It is sent there by a page: an address with a password must not be an argument that others can read.
    """
    address = f"http://{login}@{ADDRESS}/" if login else f"http://{ADDRESS}/"
    page = f'<meta http-equiv="refresh" content="0; url={address}">'
    host.check_output("umask 0377; rm -f %s; printf %%s %s > %s; chown nobody %s", PAGE, page, PAGE, PAGE)
    host.check_output("install -d -o nobody -m 0700 %s", HOME)
    return str(host.check_output(f"{' '.join(BROWSER)} file://{PAGE}"))


@pytest.fixture(scope="module", autouse=True)
def tidied(host: Host) -> Iterator[None]:
    """What the browser keeps holds secrets of Flower's, which it was given."""
    yield
    host.check_output("rm -rf %s %s", HOME, PAGE)


@pytest.fixture
def login(host: Host) -> str:
    text = host.check_output("cat /etc/conf.d/celery/flower.env")
    found = re.search(r'^FLOWER_BASIC_AUTH="?([^",\n]+)', text, re.MULTILINE)
    assert found, "flower.env has no FLOWER_BASIC_AUTH"
    user, password = found[1].split(":", 1)
    return f"{quote(user)}:{quote(password, safe='')}"


@pytest.fixture
def workers() -> set[str]:
    """The name of every worker of the fleet."""
    names = set()
    for host in testinfra.get_hosts([f"ansible://celery_queue_*?ansible_inventory={INVENTORY}"]):
        units = host.check_output("systemctl list-units --plain --no-legend 'celery-worker@*'").split()
        found = [re.fullmatch(r"celery-worker@(.+)\.service", word) for word in units]
        names |= {f"{one[1]}@{host.backend.host}" for one in found if one}
    return names


def test_shows_every_worker_to_who_has_the_password(host: Host, login: str, workers: set[str]) -> None:
    assert workers
    end = time.monotonic() + PATIENCE
    # Flower knows a worker when it has heard of it, some moments after its own start.
    while missing := {name for name in workers if name not in (shown := seen(host, login))}:
        assert time.monotonic() < end, f"{missing} are not in what the browser shows: {shown[-2000:]}"


def test_shows_no_worker_without_it(host: Host, workers: set[str]) -> None:
    shown = seen(host)
    assert {name for name in workers if name in shown} == set()
