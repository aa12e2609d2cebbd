# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app that signs its messages: the inventory takes no signature away, and who did not sign is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import redis
from celery import Celery
from celeryops_agent.waiting import DEAD_LIST
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from eventually import wait_until

from integration.agent.harness import HERE, Stage

#: What the role celery_app writes besides what the stage has.
SAFE = {"task_serializer": "json", "result_serializer": "json", "accept_content": ["json"]}
SEND_AND_WAIT = "import sealed; print(sealed.add.apply_async((1, 2), queue='{pool}').get(timeout=60))"
SEND = "import sealed; sealed.add.apply_async((6, 6), queue='{pool}')"
HAND_ON = "import sealed; sealed.hand_on.apply_async(('other',), queue='{pool}')"


def make_seal(directory: Path, name: str, trusted: Path) -> Path:
    """Make the key and the certificate of one end, which trusts those that are in ``trusted``."""
    place = directory / name
    place.mkdir()
    (place / "trusted").symlink_to(trusted)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (place / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    (place / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    return place


@pytest.fixture
def seals(tmp_path: Path) -> dict[str, str]:
    """The directories of the keys: of the fleet, of a sender that it trusts, and of a stranger."""
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    made = {name: make_seal(tmp_path, name, trusted) for name in ("fleet", "web", "stranger")}
    for name in ("fleet", "web"):
        (trusted / f"{name}.pem").write_bytes((made[name] / "certificate.pem").read_bytes())
    return {name: str(place) for name, place in made.items()}


def run(stage: Stage, seal: str, *command: str) -> str:
    """Run a Python program beside the app, as an end of its own that has this key; return what it prints."""
    environ = stage.environ(SEAL=seal, CELERYOPS_APP="sealed:application")
    done = subprocess.run(
        [sys.executable, *command],
        cwd=HERE / "apps",
        env={**environ, "PYTHONPATH": f"{environ['PYTHONPATH']}:{HERE / 'apps'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def letters(stage: Stage) -> list[str]:
    """Return why each message was kept."""
    with redis.Redis(port=stage.redis.port, decode_responses=True) as client:
        return [json.loads(each)["why"] for each in client.lrange(DEAD_LIST, 0, -1)]


@pytest.mark.parametrize("pool", ["prefork", "gevent"])
def test_only_what_is_signed_runs(stage: Stage, seals: dict[str, str], pool: str) -> None:
    stage.settings.update(SAFE)
    worker = stage.worker(pool, CELERYOPS_APP="sealed:application", SEAL=seals["fleet"])
    wait_until("it is ready", worker.is_ready)
    assert run(stage, seals["web"], "-c", SEND_AND_WAIT.format(pool=pool)) == "3\n"
    # Signed by a stranger, and not signed at all.
    run(stage, seals["stranger"], "-c", SEND.format(pool=pool))
    stage.send(pool, "sealed.add", 5, 5)
    wait_until("both are kept", lambda: len(letters(stage)) == 2)
    for error in ("SecurityError", "ContentDisallowed"):
        assert sum(error in why for why in letters(stage)) == 1
    # What a task sends is signed, too.
    run(stage, seals["web"], "-c", HAND_ON.format(pool=pool))
    wait_until("it is handed on", lambda: stage.redis.ask("LLEN", "other") == "1")
    assert json.loads(stage.redis.ask("LINDEX", "other", "0"))["content-type"] == "application/data"
    # A command that is not signed is not done; the fleet still asks its workers, after it.
    with Celery(broker=stage.redis.url, set_as_current=False) as stranger:
        stranger.control.shutdown()
    inspect = ("-m", "celery", "-A", "celeryops_agent.fleet", "inspect", "ping", f"--destination={pool}@test")
    assert "pong" in run(stage, seals["fleet"], *inspect)
    report = ("-m", "celeryops_agent.report", "--timeout=20", "--expect=1", pool)
    assert list(json.loads(run(stage, seals["fleet"], *report))["nodes"]) == [f"{pool}@test"]
    smoke = ("-m", "celeryops_agent.smoke", "--task=sealed.add", "--args=[8, 8]", f"{pool}@test")
    run(stage, seals["fleet"], *smoke)
    assert stage.marks("done") == ["1+2", "8+8"]
    assert worker.runs


def test_an_inventory_that_would_read_what_is_not_signed_is_refused(
    stage: Stage, seals: dict[str, str]
) -> None:
    stage.settings.update(SAFE, accept_content=["auth", "json"])
    worker = stage.worker("threads", CELERYOPS_APP="sealed:application", SEAL=seals["fleet"])
    assert worker.ended() != 0
    assert worker.says("celery_app_settings.accept_content = ['auth', 'json']: the app's code signs")
