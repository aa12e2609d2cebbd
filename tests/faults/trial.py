"""One run of a fault: tasks flow, the fault is done, and everything is counted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from eventually import wait_until
from load.accounting import Account, Sent
from load.driver import Order, drive, held_now
from load.remote import Hosts, RemoteError

from faults.figures import Figures, Start, figures, restarts, resumed
from faults.site import Site

MIX = json.loads(Path(__file__).with_name("load.json").read_text())
COUNT, CHORDS = 120, 6
#: Seconds in which a fleet is at work again by itself, or a hand is needed.
PATIENCE = 240.0
#: Seconds without progress after which what is missing is lost; the visibility timeout is shorter.
WAIT = 200.0


@dataclass
class Flow:
    """Tasks that flow until they are told to end."""

    hosts: Hosts
    order: Order
    sent: list[Sent] = field(default_factory=list)
    accounts: list[Account] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    def run(self) -> None:
        """Send, and wait for the end of each task."""
        try:
            self.accounts = drive(
                self.hosts, self.order, lambda _line: None, self.enough.is_set, self.sent, self._nothing_comes
            )
        except BaseException as error:
            self.error = error

    def _nothing_comes(self) -> bool:
        try:
            held = held_now(self.hosts, self.order)
        except RemoteError:
            return False
        # RabbitMQ does not tell a client what others have unacknowledged.
        return "unacked" in held and not any(held.values())

    def starts(self) -> list[Start]:
        """The runs that have begun; a host that cannot be reached now adds none yet."""

        def read(host: str) -> list[Start]:
            try:
                text = self.hosts.ledger(host, self.order.run)
            except RemoteError:
                return []
            entries = [json.loads(line) for line in text.splitlines() if line.endswith("}")]
            return [
                Start(entry["id"], entry["time"], (entry["host"], entry["instance"]))
                for entry in entries
                if entry["event"] == "start"
            ]

        with ThreadPoolExecutor(len(self.order.workers)) as pool:
            return [start for many in pool.map(read, self.order.workers) for start in many]


def trial(
    site: Site, acts: Sequence[Callable[[Site], str | None]], rate: float, say: Callable[[str], None]
) -> Figures:
    """Do the faults, at once where there are several, while tasks flow."""
    site.wait_well()
    instances, before = site.instances, site.restarts()
    order = Order(site.sender, tuple(site.workers), MIX, COUNT, CHORDS * site.has_results, rate, WAIT)
    flow = Flow(site.hosts, order)
    thread = threading.Thread(target=flow.run)
    thread.start()

    def flows() -> bool:
        assert not flow.error, flow.error
        return {start.instance for start in flow.starts()} >= instances

    hands: list[str] = []
    try:
        wait_until("every worker runs a task", flows)
        with ThreadPoolExecutor(len(acts)) as pool:
            hands += [hand for hand in pool.map(lambda act: act(site), acts) if hand]
        healed = time.time()
        say(f"the fault is over; {len(flow.sent)} tasks sent")

        def back() -> dict[tuple[str, str], float]:
            return resumed(list(flow.sent), flow.starts(), healed, instances)

        try:
            wait_until("each worker runs a new task", lambda: back().keys() >= instances, PATIENCE)
        except AssertionError:
            hands.append("play the site again")
            say(f"not back: {sorted(instances - back().keys())}; a hand plays the site")
            played = site.play()
            assert played.returncode == 0, played.stdout
            wait_until("each worker runs a new task", lambda: back().keys() >= instances)
        seconds = max(back().values())
    finally:
        flow.enough.set()
        thread.join()
    if flow.error:
        raise flow.error
    for account in flow.accounts:
        say(str(account))
    return figures(flow.accounts, seconds, restarts(before, site.restarts()), "; ".join(hands))
