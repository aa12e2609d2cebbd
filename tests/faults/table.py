"""Every fault of the suite: what is done, on which brokers, and what is promised of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from faults import acts, plays
from faults.figures import Promise
from faults.site import Site

POPPED = "Redis pops for a client that cannot hear it"
DIED = "ran in a process that died"
#: Tasks that a host runs at once: prefork 2, threads 2, gevent 4.
SLOTS = 8
#: RabbitMQ delivers again what a connection had when it broke: each fault breaks all, five times at most.
REDELIVERS = {"rabbitmq": Promise(twice=5 * 2 * SLOTS)}


@dataclass(frozen=True)
class Fault:
    """A fault.

    :param words: What is done, as the row of the table says it.
    :param act: Does it, and returns when it is over; what it returns is what a hand had to do.
    :param promise: What is promised of it.
    :param on: What differs on a broker.
    :param before: Makes the fleet ready for it, before tasks flow; `after` takes that back.
    """

    words: str
    act: Callable[[Site], str | None]
    promise: Promise
    on: Mapping[str, Promise] = field(default_factory=dict)
    before: Callable[[Site], None] | None = None
    after: Callable[[Site], None] | None = None

    def promised(self, broker: str) -> Promise:
        """What is promised on a broker."""
        return self.on.get(broker, self.promise)


def _cut(words: str, act: Callable[[Site], None]) -> Fault:
    """A fault of the network, in which no process dies."""
    return Fault(
        words, act, Promise(twice=SLOTS), {"redis": Promise(lost=POPPED, early=POPPED, twice=SLOTS)},
    )  # fmt: skip


FAULTS: Mapping[str, Fault] = {
    "kill-child": Fault(
        "SIGKILL of a child of prefork, 10 times on each host", acts.kill_child,
        Promise(early=DIED, twice=2 * 10 * 2),
    ),
    "kill-main": Fault(
        "SIGKILL of each of the 6 main processes, 3 times", acts.kill_main,
        Promise(early=DIED, twice=3 * 2 * SLOTS),
        {"redis": Promise(lost=POPPED, early=DIED, twice=3 * 2 * SLOTS)},
    ),
    "freeze-main": Fault(
        "SIGSTOP of each main process of a host (watchdog 15 s)", acts.freeze_main,
        Promise(early=DIED, twice=SLOTS),
        {"redis": Promise(lost=POPPED, early=DIED, twice=SLOTS)},
    ),
    "broker-restart": Fault("the broker restarts, 5 times", acts.broker_restart, Promise(), REDELIVERS),
    "broker-kill": Fault("kill -9 of the broker, 5 times", acts.broker_kill, Promise(), REDELIVERS),
    "broker-freeze": Fault("SIGSTOP of the broker for 30 s", acts.broker_freeze, Promise(), REDELIVERS),
    "stop-while-away": Fault(
        "the workers of a host are stopped while the broker is away", acts.stop_while_away,
        Promise(twice=SLOTS),
    ),
    "cut": _cut("a host and the broker are cut off from each other for 10 s", acts.cut),
    "cut-from": _cut("a host hears nothing from the broker for 10 s", acts.cut_from),
    "cut-to": _cut("the broker hears nothing from a host for 10 s", acts.cut_to),
    "cut-long": _cut("a host and the broker are cut off from each other for 2 min", acts.cut_long),
    "loss": _cut("one packet in five is lost between a host and the broker, for 30 s", acts.loss),
    "power-worker": Fault(
        "power cut of a worker's host", acts.power_worker, Promise(early=DIED, twice=SLOTS),
        {"redis": Promise(lost=POPPED, early=DIED, twice=SLOTS)},
    ),
    "power-broker": Fault(
        "power cut of the broker's host", acts.power_broker, Promise(), REDELIVERS,
    ),
    "agent-gone": Fault(
        "the agent's files are removed and its workers killed, on one host", acts.agent_gone,
        Promise(early=DIED, twice=SLOTS, hand=True),
        {"redis": Promise(lost=POPPED, early=DIED, twice=SLOTS, hand=True)},
    ),
    "disk-full": Fault(
        "the broker's disk is full for 20 s", acts.disk_full, Promise(hand=True),
        before=acts.small_disk, after=acts.own_disk,
    ),
    "two-runs": Fault("a new release is played twice at once", plays.two_runs, Promise()),
    "play-term": Fault("twice, a play gets SIGTERM and is run again", plays.play_term, Promise()),
    "play-int": Fault("the same with SIGINT, as of Ctrl-C", plays.play_int, Promise()),
    "play-kill": Fault("the same with SIGKILL", plays.play_kill, Promise()),
}  # fmt: skip
