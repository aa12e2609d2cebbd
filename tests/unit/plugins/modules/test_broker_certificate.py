# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The certificate of Redis: made, judged as clients do, renewed, and read by a running Redis."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from ansible_collections.celeryops.systemd.plugins.module_utils import tls
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_ask import ask
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import BrokerError
from unit.plugins.modules.running import run_module

NAMES = ["localhost", "127.0.0.1", "broker.example"]
StartRedis = Callable[..., int]


class Server:
    """A Redis with TLS, and the module that keeps its certificate."""

    def __init__(self, start: StartRedis, place: Path) -> None:
        self.place = place
        self.pem, self.ca = place / "tls/server.pem", place / "ca.pem"
        place.mkdir(exist_ok=True)
        secret = place / "secret"
        secret.write_text("admins\n")
        self.asked: dict[str, Any] = {
            "directory": str(place / "tls"),
            "ca_file": str(self.ca),
            "names": NAMES,
            "group": "root",
            "secret": str(secret),
            "url": "rediss://127.0.0.1:1/0",
        }
        assert self.run()["why"] == "there is no CA"
        files = ("--tls-cert-file", str(self.pem), "--tls-key-file", str(self.pem))
        admin = ("--user", "celeryops", "on", ">admins", "~*", "&*", "+@all")
        more = ("--tls-ca-cert-file", str(self.ca), "--tls-auth-clients", "no")
        self.port = start(*files, *more, *admin, tls=True)
        self.asked["url"] = f"rediss://127.0.0.1:{self.port}/0"

    def run(self, check: bool = False, **asked: Any) -> dict[str, Any]:
        """Run the module and return its result, in which no key is."""
        result = run_module("broker_certificate", check, **(self.asked | asked))
        assert "PRIVATE KEY" not in json.dumps(result)
        return result

    def serial(self, host: str = "127.0.0.1") -> bytes:
        """Connect as a client that trusts the CA, and return the certificate."""
        with redis.Redis(host=host, port=self.port, ssl=True, ssl_ca_certs=str(self.ca)) as client:
            client.ping()
            connection = client.connection_pool.get_connection()
            return bytes(connection._sock.getpeercert(binary_form=True))


@pytest.fixture
def server(start_redis: StartRedis, tmp_path: Path) -> Server:
    """Make a certificate and start a Redis that has it."""
    return Server(start_redis, tmp_path)


def test_a_second_run_changes_nothing(server: Server) -> None:
    """The key of the CA is for root, that of the server for root and Redis."""
    result = server.run()
    assert (result["changed"], result["why"], result["told"]) == (False, "", False)
    modes = [(server.place / name).stat().st_mode & 0o777 for name in ("tls/ca.key", "tls/server.pem")]
    assert modes == [0o600, 0o640]


def test_clients_check_ca_and_name(server: Server) -> None:
    """One that trusts another CA, or asks for a name that the certificate has not, does not connect."""
    url = f"rediss://127.0.0.1:{server.port}/0"
    assert ask(f"{url}?ssl_cert_reqs=required&ssl_ca_certs={server.ca}", timeout=5).version
    _key, other = tls.new_ca("another")
    (server.place / "other.pem").write_text(other)
    with pytest.raises(BrokerError, match="not trusted"):
        ask(f"{url}?ssl_ca_certs={server.place}/other.pem", timeout=5)
    with pytest.raises(BrokerError, match="not trusted"):
        ask(f"rediss://127.0.0.2:{server.port}/0?ssl_ca_certs={server.ca}", timeout=5)
    with pytest.raises(redis.exceptions.ConnectionError):
        redis.Redis(port=server.port).ping()


@pytest.mark.parametrize("asked", [{"days": 1500}, {"names": [*NAMES, "new.example"]}])
def test_renewed_under_a_client(server: Server, asked: dict[str, Any]) -> None:
    """A certificate that ends soon, or lacks a name, is replaced; who is connected notices nothing."""
    with redis.Redis(port=server.port, ssl=True, ssl_ca_certs=str(server.ca)) as client:
        number, before, ca = client.client_id(), server.serial(), server.ca.read_text()
        foretold = server.run(check=True, **asked)
        assert server.serial() == before
        done = server.run(**asked)
        assert foretold["told"] is done["told"] is True
        assert foretold["changed_paths"] == done["changed_paths"] == [str(server.pem)]
        assert server.serial() != before
        assert client.client_id() == number
    assert server.ca.read_text() == ca
    assert not server.run(**asked)["changed"]


def test_ones_own_certificate(server: Server) -> None:
    """It replaces the role's under clients; one that clients would refuse is refused, and nothing changes."""
    key, ca = tls.new_ca("ours")
    pem = tls.new_certificate(key, ca, NAMES, 30)
    mark = pem.index("-----BEGIN CERTIFICATE")
    given: dict[str, Any] = {"key": pem[:mark], "certificate": pem[mark:], "ca": ca}
    mistakes: list[tuple[dict[str, Any], str]] = [
        ({"ca": server.ca.read_text()}, "unable to get local issuer certificate"),
        ({"names": ["elsewhere.example"]}, "Hostname mismatch"),
        ({"key": server.pem.read_text()[:mark]}, "key values mismatch|KEY_VALUES_MISMATCH"),
    ]
    for wrong, words in mistakes:
        refused = server.run(**(given | wrong))
        assert refused["failed"]
        assert any(word.lower() in refused["msg"].lower() for word in words.split("|")), refused["msg"]
        assert "belong together" in refused["msg"]
    assert server.run(**given)["told"]
    assert server.serial() == tls.first_certificate(given["certificate"])
    assert not server.run(**given)["changed"]


@pytest.mark.parametrize("names", [NAMES, [*NAMES, "new.example"]], ids=["good", "to renew"])
def test_the_certificate_of_an_earlier_version_moves(server: Server, names: list[str]) -> None:
    """The fleet goes on to trust the same CA. The running Redis reads the old place until it restarts."""
    former, ca, before = server.place / "former", server.ca.read_text(), server.serial()
    server.pem.parent.rename(former)
    key, pem = (former / "ca.key").read_text(), (former / "server.pem").read_text()
    server.asked |= {"former": str(former), "names": names}
    foretold = server.run(check=True)
    done = server.run()
    assert (foretold["told"], done["told"]) == (False, False)
    assert foretold["changed_paths"] == done["changed_paths"]
    moved = server.pem.parent / "ca.key"
    assert set(done["changed_paths"]) == {str(path) for path in (moved.parent, server.pem, moved)}
    assert moved.read_text() == key
    assert moved.stat().st_mode & 0o777 == 0o600
    assert (server.pem.read_text() == pem) is (names == NAMES)
    assert (server.ca.read_text(), server.serial()) == (ca, before)
    server.asked["url"] = "rediss://127.0.0.1:1/0"
    assert not server.run()["changed"]


def test_a_ca_beside_the_certificate_moves_with_it(server: Server) -> None:
    """As on several hosts of the broker, each of which has its own."""
    server.asked |= {"ca_file": f"{server.pem.parent}/ca.pem", "url": ""}
    server.run()
    before = {path.name: path.read_text() for path in server.pem.parent.iterdir()}
    assert sorted(before) == ["ca.key", "ca.pem", "server.pem"]
    server.pem.parent.rename(server.place / "former")
    server.asked["former"] = str(server.place / "former")
    assert [server.run(check=check)["ca"] for check in (True, False)] == [before["ca.pem"]] * 2
    assert {path.name: path.read_text() for path in server.pem.parent.iterdir()} == before


def test_a_former_key_that_redis_could_have_placed_is_not_taken(server: Server) -> None:
    former = server.place / "former"
    server.pem.parent.rename(former)
    os.chown(former / "ca.key", pwd.getpwnam("nobody").pw_uid, -1)
    result = server.run(former=str(former))
    assert result["failed"]
    assert "ca.key: is not root's alone: not trusted; remove it" in result["msg"]


def test_a_stranger_is_told_nothing(server: Server, start_redis: StartRedis, tmp_path: Path) -> None:
    """Anyone on the host can listen there while Redis is away; the password is not for them."""
    stranger = Server(start_redis, tmp_path / "stranger")
    before = stranger.serial()
    for check in (True, False):
        result = server.run(check=check, url=stranger.asked["url"], names=[*NAMES, "new.example"])
        assert not result["told"]
        assert "presents a certificate that" in str(result["warnings"])
    assert stranger.serial() == before


def test_a_host_that_can_make_none_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gave a certificate, so nobody is asked to fix it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    place = {"directory": str(tmp_path / "tls"), "ca_file": str(tmp_path / "ca.pem")}
    refused = run_module("broker_certificate", False, **place, names=NAMES, group="root")
    assert refused["msg"].startswith("broker_tls = true: openssl is not installed on this host; ")
    assert "belong together" not in refused["msg"]


def test_one_that_has_ended_is_refused() -> None:
    """By its date alone."""
    key, ca = tls.new_ca("ours")
    pem = tls.new_certificate(key, ca, NAMES, 10)
    tls.check(pem, ca, NAMES, days=9)
    with pytest.raises(tls.CertificateError, match="localhost: it ends in less than 11 days"):
        tls.check(pem, ca, NAMES, days=11)
