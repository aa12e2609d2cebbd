"""Sends a run's tasks from one host, follows the ledgers of the others, and accounts for every id."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from load.accounting import Account, Event, Sent, account
from load.remote import Hosts, RemoteError, in_release

ON_HOST = Path(__file__).with_name("on_host.py")
POLL_SECONDS = 1.0
STILL_SECONDS = 10.0
NAMED = 10  # ids of one kind that the report names


@dataclass(frozen=True)
class Order:
    """What to send and where to look for it.

    :param sender: The host that sends; one that has a release.
    :param workers: The hosts whose ledgers count.
    :param mix: The tasks and the chord, as in tests/apps/*/load.json.
    :param count: How many single tasks.
    :param chords: How many chords besides, spread over the run; at most `count`.
    :param rate: Sendings a second; 0 is as fast as possible.
    :param patience: How many seconds without any progress end the wait.
    """

    sender: str
    workers: tuple[str, ...]
    mix: dict[str, Any]
    count: int
    chords: int = 0
    rate: float = 0.0
    patience: float = 60.0
    run: str = field(default_factory=lambda: secrets.token_hex(4))


def drive(
    hosts: Hosts,
    order: Order,
    say: Callable[[str], None],
    enough: Callable[[], bool] | None = None,
    sent: list[Sent] | None = None,
    hopeless: Callable[[], bool] | None = None,
) -> list[Account]:
    """Send, wait until every task has ended or nothing moves any more, and return the accounts.

    :param enough: Send on, beyond the order's count, until this says so.
    :param sent: A list that what is sent is added to, for who looks on.
    :param hopeless: Asked when nothing has moved for a while: whether nothing can come any more.
    :raises RemoteError: The sender failed, so that what was sent is not known.
    """
    sending = _Sending(hosts, order, enough is not None, [] if sent is None else sent)
    begin = moved = time.monotonic()
    before: tuple[int, int, int] = (0, 0, 0)
    while True:
        if enough is not None and enough():
            sending.tell_enough()
            enough = None
        over = sending.over()  # asked before looking: what it sent last is then in `sent`
        accounts = account(list(sending.sent), ledgers(hosts, order))
        total = accounts[-1]
        now = (total.sent, total.done + len(total.failed), total.running)
        if now != before:
            before, moved = now, time.monotonic()
            say(
                f"{moved - begin:6.1f} s  sent {total.sent:5}  done {total.done:5}  "
                f"running {total.running:4}  waiting {total.sent - now[1] - total.running:5}"
            )
        if over and total.complete and not total.running:
            return accounts
        still = time.monotonic() - moved
        if over and (still > order.patience or (still > STILL_SECONDS and hopeless and hopeless())):
            # Looked at once more: the last one may have ended while the broker was asked.
            return account(list(sending.sent), ledgers(hosts, order))
        time.sleep(POLL_SECONDS)


def ledgers(hosts: Hosts, order: Order) -> Iterator[Event]:
    """The events of the run on every worker host; a host that cannot be reached now adds none yet."""

    def read(host: str) -> str:
        try:
            return hosts.ledger(host, order.run)
        except RemoteError:
            return ""

    with ThreadPoolExecutor(len(order.workers)) as pool:
        for text in pool.map(read, order.workers):
            yield from parse(text.splitlines())


def parse(lines: Iterable[str]) -> Iterator[Event]:
    """The events in a ledger's lines; a line that is still being written is left for the next look."""
    for line in lines:
        if line.endswith("}"):
            entry = json.loads(line)
            yield Event(entry["event"], entry["id"], entry["time"])


def held_now(hosts: Hosts, order: Order) -> dict[str, int]:
    """Messages that the broker holds in the order's queues."""
    arguments = ["leftover", "--mix", json.dumps(order.mix)]
    answer = hosts.run(order.sender, in_release(arguments), stdin=ON_HOST.read_text())
    held: dict[str, int] = json.loads(answer)
    return held


def leftover(hosts: Hosts, order: Order) -> dict[str, int]:
    """Messages that the broker still holds when the run is over, after a while to let the last acks land."""
    deadline = time.monotonic() + order.patience
    while True:
        held = held_now(hosts, order)
        if not any(held.values()) or time.monotonic() > deadline:
            return held
        time.sleep(POLL_SECONDS)


def report(accounts: Sequence[Account], held: dict[str, int]) -> list[str]:
    """The run's account as lines for a person."""
    lines = ["queue               sent   done  failed   lost  twice  longest wait"]
    lines += [
        f"{row.queue:<18} {row.sent:5}  {row.done:5}   {len(row.failed):5}  {len(row.lost):5}  "
        f"{len(row.twice):5}  {row.longest_wait:10.1f} s"
        for row in accounts
    ]
    total = accounts[-1]
    for title in ("lost", "failed", "twice"):
        ids: tuple[str, ...] = getattr(total, title)
        if ids:
            lines.append(f"{title}: {', '.join(ids[:NAMED])}{' ...' if len(ids) > NAMED else ''}")
    lines.append(f"the broker still holds {', '.join(f'{count} {what}' for what, count in held.items())}")
    return lines


class _Sending:
    """The sender's process; `sent` grows while it runs."""

    def __init__(self, hosts: Hosts, order: Order, open_end: bool, sent: list[Sent]) -> None:
        self.sent = sent
        self._hosts, self._host = hosts, order.sender
        self._until = f"/tmp/celeryops-load-{order.run}"
        arguments = [
            "send", "--run", order.run, "--count", str(order.count), "--chords", str(order.chords),
            "--rate", str(order.rate), "--mix", json.dumps(order.mix),
            *([f"--until={self._until}"] * open_end),
        ]  # fmt: skip
        self._process = subprocess.Popen(
            hosts.words(order.sender, in_release(arguments)),
            stdin=ON_HOST.open(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._errors: list[str] = []
        assert self._process.stdout
        assert self._process.stderr
        self._readers = [
            threading.Thread(target=self._read, args=[self._process.stdout]),
            threading.Thread(target=self._errors.extend, args=[self._process.stderr]),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            entry = json.loads(line)
            if "problem" in entry:
                self._errors.append(entry["problem"])
            else:
                self.sent.append(Sent(**entry))

    def tell_enough(self) -> None:
        """Let a sender without an end of its own come to it."""
        self._hosts.run(self._host, ["touch", self._until])

    def over(self) -> bool:
        """Whether everything is sent; RemoteError with the sender's words when it failed."""
        if self._process.poll() is None:
            return False
        for reader in self._readers:
            reader.join()
        if self._process.returncode:
            words = "\n".join(self._errors[-15:]).strip()
            raise RemoteError(f"{self._host}: the sender exited with {self._process.returncode}:\n{words}")
        self._hosts.run(self._host, ["rm", "--force", self._until])
        return True
