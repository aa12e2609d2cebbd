# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""``python -m celeryops_agent.scale``: how many instances of each queue shall run on this host from now on.

One look at the broker and one decision for each queue, as the service's user. Which units shall run is left
in ``wanted.json`` of $RUNTIME_DIRECTORY for scale_units.py, which may start and stop them. The app is not
loaded: the broker's URL and the inventory's settings are enough, and an app costs seconds and memory.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

from kombu.connection import Connection
from kombu.exceptions import OperationalError

from celeryops_agent.broker import bounded_connection
from celeryops_agent.scaling import Look, Rule, State, decide
from celeryops_agent.settings import load_settings
from celeryops_agent.waiting import Marks, lists_of, oldest, queue_depths

CONFIG = Path("/etc/conf.d/celery")
#: Priorities of a line on stdout, as the journal takes them: what scales is worth more than the daily noise.
NOTICE, WARNING = "<5>", "<4>"


class Memory:
    """What is kept from one look to the next; empty since the host started."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.queues: dict[str, State] = {}
        self.marks: dict[str, Marks] = {}
        #: What was wrong with the broker at the last look; said when it changes.
        self.trouble = ""
        with suppress(OSError, ValueError, TypeError, KeyError):  # as an older agent may have left it
            kept = json.loads(path.read_text())
            held = {queue: frozenset(state.pop("held")) for queue, state in kept["queues"].items()}
            self.queues = {queue: State(**state, held=held[queue]) for queue, state in kept["queues"].items()}
            self.marks, self.trouble = kept["marks"], kept["trouble"]

    def save(self) -> None:
        """Write it for the next look. Marks are messages, so nobody else may read them."""
        queues = {name: {**asdict(state), "held": sorted(state.held)} for name, state in self.queues.items()}
        write(self._path, {"queues": queues, "marks": self.marks, "trouble": self.trouble}, 0o600)


def write(path: Path, document: object, mode: int) -> None:
    """Write a JSON file in one step."""
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(document))
    fresh.chmod(mode)
    fresh.replace(path)


class Scaler:
    """One look and its decisions.

    :param specs: scale.json.
    :param now: seconds of a clock that all looks since the host started share.
    """

    def __init__(self, specs: Mapping[str, Mapping[str, Any]], memory: Memory, now: float) -> None:
        self.specs = specs
        self.memory = memory
        self.now = now

    def rest(self) -> None:
        """The host is drained: no extra instance runs, and nothing of before counts when it comes back."""
        self.memory.queues.clear()
        self.memory.marks.clear()

    def turn(self, url: str, settings: Mapping[str, Any]) -> None:
        """Look at each queue and decide. While the broker does not answer, all stays as it is."""
        trouble = ""
        try:
            with bounded_connection(partial(_connection, url, settings)) as connection:
                trouble = self._decide_all(connection)
        except OperationalError as error:
            trouble = f"the broker does not answer, so nothing starts or drains: {error}"
        if trouble and trouble != self.memory.trouble:
            say(WARNING, trouble)
        self.memory.trouble = trouble

    def _decide_all(self, connection: Any) -> str:
        trouble = ""
        try:
            for queue, spec in self.specs.items():
                trouble = self._decide(queue, spec, connection) or trouble
        except connection.connection_errors as error:  # it went away in the middle
            raise OperationalError(str(error)) from error
        return trouble

    def _decide(self, queue: str, spec: Mapping[str, Any], connection: Any) -> str:
        rule = Rule(**{one.name: spec[one.name] for one in fields(Rule)})
        depth = sum(queue_depths(connection, spec["consumes"]).values())
        age, trouble = None, ""
        # When more wait than all instances may, their number decides, and a mark may be far.
        if connection.transport.driver_type == "redis" and depth <= rule.up_depth * rule.max_instances:
            try:
                age = self._age(connection.default_channel, spec["consumes"])
            except connection.channel_errors as error:
                trouble = (
                    f"the broker does not tell how long messages wait, so only their number counts: {error}"
                )
        state = self.memory.queues.get(queue, State(rule.min_instances))
        decision = decide(rule, state, Look(depth, age), self.now)
        self.memory.queues[queue] = decision.state
        if decision.said:
            say(NOTICE, f"{queue}: {decision.said}")
        return trouble

    def _age(self, channel: Any, queues: list[str]) -> float:
        """Seconds that the oldest message has waited for at least."""
        keys = [key for queue in queues for key in lists_of(channel, queue)]
        marks = self.memory.marks
        return max(oldest(channel.client, key, marks.setdefault(key, []), self.now) for key in keys)

    def wanted(self) -> list[str]:
        """The extra units that shall run."""
        found: list[str] = []
        for queue, spec in self.specs.items():
            state = self.memory.queues.get(queue)
            found += spec["units"][: state.wanted - spec["min_instances"]] if state else []
        return found


def _connection(url: str, settings: Mapping[str, Any], **bounds: Any) -> Connection:
    """A connection such as the workers have; ``bounds`` come on top."""
    options = {**(settings.get("broker_transport_options") or {}), **bounds.pop("transport_options")}
    return Connection(url, ssl=settings.get("broker_use_ssl"), transport_options=options, **bounds)


def say(priority: str, words: str) -> None:
    """Leave a line in the journal."""
    print(priority + " ".join(words.split()), flush=True)


def main() -> int:
    """Look, decide, and leave what is wanted."""
    directory = Path(os.environ["RUNTIME_DIRECTORY"])
    memory = Memory(directory / "memory.json")
    scaler = Scaler(json.loads((CONFIG / "scale.json").read_text()), memory, time.monotonic())
    if (CONFIG / "drained").exists():
        scaler.rest()
    else:
        settings = load_settings(os.environ.get("CELERYOPS_SETTINGS", ""))
        scaler.turn(os.environ["CELERY_BROKER_URL"], settings)
    memory.save()
    write(directory / "wanted.json", scaler.wanted(), 0o644)
    return 0


if __name__ == "__main__":
    sys.exit(main())
