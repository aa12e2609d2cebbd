# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How a broker is reached: TLS, names, and what messages show of a URL."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_ask import ask
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import (
    BrokerError,
    public_url,
)

StartRedis = Callable[..., int]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a fresh self-signed certificate of 127.0.0.1."""
    place = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-keyout", place / "key.pem", "-out", place / "cert.pem", "-days", "1"),
            *("-subj", "/CN=broker", "-addext", "subjectAltName=IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
    )
    return place


def test_tls_as_the_url_asks(start_redis: StartRedis, certificate: Path) -> None:
    """The words of the URL decide, as they do for Celery."""
    files = ("--tls-cert-file", f"{certificate}/cert.pem", "--tls-key-file", f"{certificate}/key.pem")
    port = start_redis(*files, "--tls-auth-clients", "no", tls=True)
    url = f"rediss://127.0.0.1:{port}/0"
    with pytest.raises(BrokerError, match=r"not trusted.*name its CA"):
        ask(url, timeout=5)
    assert ask(f"{url}?ssl_cert_reqs=CERT_REQUIRED&ssl_ca_certs={certificate}/cert.pem", timeout=5).version
    assert ask(f"{url}?ssl_cert_reqs=none", timeout=5).version


def test_tls_on_a_plain_port(start_redis: StartRedis) -> None:
    """The scheme is named as the fault."""
    with pytest.raises(BrokerError, match="does not speak TLS"):
        ask(f"rediss://127.0.0.1:{start_redis()}/0", timeout=0.5)


def test_unknown_scheme_and_name() -> None:
    """What cannot be a broker is refused with the fix."""
    with pytest.raises(
        BrokerError, match=r"scheme 'http' is not one of redis, rediss, sentinel, amqp, amqps; fix the URL"
    ):
        ask("http://127.0.0.1/", timeout=5)
    with pytest.raises(BrokerError, match=r"host name broker\.invalid is unknown here"):
        ask("redis://broker.invalid:6379/0", timeout=5)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqps://app:hush@mq.example:5671/shop?x=y", "amqps://***@mq.example:5671/shop"),
        ("redis://:hu/sh#hu?sh@hub:6379/0", "redis://***@hub:6379/0"),  # not encoded, as it should be
        ("redis://hub:6379/0", "redis://hub:6379/0"),
    ],
)
def test_public_url_hides_login_and_query(url: str, shown: str) -> None:
    """The place stays."""
    assert public_url(url) == shown
