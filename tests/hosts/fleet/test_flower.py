"""Flower answers those who have the password, from this host alone."""

from __future__ import annotations

import re

import pytest
from testinfra.host import Host

testinfra_hosts = ["ansible://celery_flower"]
PAGES = ["/", "/workers", "/api/workers", "/api/tasks"]


def status(host: Host, page: str, credentials: str = "") -> str:
    """The HTTP status of a page, asked for on the host itself; minimal hosts have no curl."""
    script = (
        "import base64, http.client, sys\n"
        "c = http.client.HTTPConnection('127.0.0.1', 5555, timeout=30)\n"
        "secret = sys.stdin.read().strip()\n"
        "h = {'Authorization': 'Basic ' + base64.b64encode(secret.encode()).decode()} if secret else {}\n"
        "c.request('GET', sys.argv[1], headers=h)\n"
        "print(c.getresponse().status)\n"
    )
    return str(host.check_output("printf %%s %s | python3 -c %s %s", credentials, script, page))


@pytest.fixture
def credentials(host: Host) -> str:
    text = host.check_output("cat /etc/conf.d/celery/flower.env")
    found = re.search(r'^FLOWER_BASIC_AUTH="?([^",\n]+)', text, re.MULTILINE)
    assert found, "flower.env has no FLOWER_BASIC_AUTH"
    return found[1]


@pytest.mark.parametrize("page", PAGES)
def test_refuses_without_credentials(host: Host, page: str) -> None:
    assert status(host, page) == "401"


@pytest.mark.parametrize("page", PAGES)
def test_refuses_a_wrong_password(host: Host, page: str) -> None:
    assert status(host, page, "lab:not-the-password") == "401"


@pytest.mark.parametrize("page", PAGES)
def test_answers_with_credentials(host: Host, credentials: str, page: str) -> None:
    assert status(host, page, credentials) == "200"


def test_listens_on_loopback_only(host: Host) -> None:
    listeners = host.check_output("ss -Hltn 'sport = :5555'").split()
    assert "127.0.0.1:5555" in listeners
    assert not {"0.0.0.0:5555", "*:5555", "[::]:5555"} & set(listeners)
