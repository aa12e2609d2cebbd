"""The load driver sees what really becomes of tasks: all of them done, or one lost with its worker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eventually import wait_until
from load.driver import Order, drive, leftover
from load.remote import LEDGERS, Hosts

from integration.agent.harness import AGENT, BOUND, Redis

SHOP = Path(__file__).resolve().parents[2] / "apps" / "shop"
MIX = json.loads((SHOP / "load.json").read_text())
ACKS = ("", ", early")
QUEUES = "default,mail,images,reports"
StartWorker = Callable[..., subprocess.Popen[bytes]]


@dataclass(frozen=True)
class Here(Hosts):
    """Hosts that are all this machine: what systemd would set up is in the environment already."""

    state: Path = Path()

    def words(self, host: str, command: Sequence[str]) -> list[str]:
        if command[0] == "systemd-run":
            return [sys.executable, *command[list(command).index("-") :]]
        return [str(self.state / "ledger") if word == LEDGERS else word for word in command]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def start_worker(redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartWorker]:
    """Start a worker of the shop; the environment is that of the sender too."""
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"worker_prefetch_multiplier": 1, "worker_hijack_root_logger": False}))
    monkeypatch.setenv("PYTHONPATH", f"{AGENT}:{SHOP}")
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("CELERY_BROKER_URL", redis.url)
    monkeypatch.setenv("CELERY_RESULT_BACKEND", redis.url)
    monkeypatch.setenv("CELERYOPS_APP", "shop.celery:shop")
    monkeypatch.setenv("CELERYOPS_SETTINGS", str(settings))
    workers: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "celery", "-A", "celeryops_agent.fleet", "worker", "-Q", QUEUES]
        workers.append(subprocess.Popen([*words, *arguments], cwd=SHOP, start_new_session=True))
        return workers[-1]

    yield start
    for worker in workers:
        if worker.poll() is None:
            os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(BOUND)


def order(mix: dict[str, Any], count: int, chords: int, patience: float) -> Order:
    return Order(sender="here", workers=("here",), mix=mix, count=count, chords=chords, patience=patience)


def test_every_task_and_chord_of_a_calm_run_is_accounted_for(
    start_worker: StartWorker, tmp_path: Path
) -> None:
    start_worker("--pool", "threads", "--concurrency", "8")
    hosts, asked = Here(Path(), tmp_path), order(MIX, count=60, chords=3, patience=BOUND)
    *queues, everything = drive(hosts, asked, print)
    assert everything.clean
    assert everything.sent == 60 + 3 * (len(MIX["chord"]["header"]) + 1)
    assert {row.queue for row in queues} == {f"{queue}{ack}" for queue in QUEUES.split(",") for ack in ACKS}
    assert not any(leftover(hosts, asked).values())


def test_a_sender_without_an_end_goes_on_until_it_is_told(start_worker: StartWorker, tmp_path: Path) -> None:
    start_worker("--pool", "threads", "--concurrency", "8")
    hosts, asked = Here(Path(), tmp_path), order(MIX, count=10, chords=0, patience=BOUND)
    seen: list[str] = []
    everything = drive(hosts, replace(asked, rate=20.0), seen.append, enough=lambda: len(seen) > 3)[-1]
    assert everything.clean
    assert everything.sent > asked.count


def test_a_task_that_dies_with_its_worker_is_found_lost(start_worker: StartWorker, tmp_path: Path) -> None:
    worker = start_worker("--pool", "threads", "--concurrency", "1")
    slow = {"queue": "mail", "task": "shop.mail.send", "args": ["buyer@example.org", BOUND]}
    hosts, asked = Here(Path(), tmp_path), order({**MIX, "tasks": [slow]}, count=1, chords=0, patience=3.0)

    def kill_when_it_runs() -> None:
        wait_until("the task starts", lambda: '"start"' in hosts.ledger("here", asked.run))
        os.killpg(worker.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_when_it_runs)
    killer.start()
    everything = drive(hosts, asked, print)[-1]
    killer.join()
    assert everything.lost == (f"{asked.run}-0",)
    assert not everything.clean
