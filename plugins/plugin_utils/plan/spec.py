# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the inventory says of one queue, read, completed and checked: docs/reference/queues.md in code."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from fractions import Fraction

from .. import naming
from ..app.environment import environment_problems
from ..inventory import timers
from ..inventory.names import shown
from ..inventory.problems import Problem, did_you_mean

VARIABLE = "celery_worker_queues"
WORKLOADS = ("cpu", "io", "mixed")
ORDERS = ("any", "strict")
# What the pool `auto` becomes: tasks that compute need an interpreter each, tasks that wait do not.
FORKING_POOL, IO_POOL, STRICT_POOL = "prefork", "threads", "solo"
APP_MEMORY_MB = 100
TASK_MEMORY_MB = {"cpu": 50, "mixed": 50, "io": 10}
HEAVIEST = 100
MOST_INSTANCES = 10
UP_DEPTH, UP_AGE, COOL_DOWN = 100, 60, 120
# BasePool.grow is missing in Celery's threads and solo pools.
AUTOSCALING_POOLS = ("prefork", "gevent", "eventlet")
# Words that the unit already says, and the key that changes them.
OWN_WORDS = {
    "-c": "concurrency",
    "--concurrency": "concurrency",
    "-P": "pool",
    "--pool": "pool",
    "-Q": "consumes",
    "--queues": "consumes",
    "--autoscale": "autoscale",
    "--time-limit": "time_limit",
    "--soft-time-limit": "soft_time_limit",
    "--max-tasks-per-child": "max_tasks_per_child",
    "--max-memory-per-child": "task_memory_mb",
    "--prefetch-multiplier": "",
    "-n": "",
    "--hostname": "",
    "-D": "",
    "--detach": "",
    "--pidfile": "",
}


@dataclass(frozen=True)
class Scale:
    """Between which numbers the instances of a queue on one host move, and when: docs/explanation/scaling.md.

    :param up_depth, down_depth: messages that wait.
    :param up_age, cool_down: seconds.
    """

    min_instances: int
    max_instances: int
    up_depth: int
    up_age: int
    down_depth: int
    cool_down: int


@dataclass(frozen=True)
class QueueSpec:
    """One queue of the inventory; None where the plan decides. Memory in MB, limits in seconds.

    :param auto: the pool that was chosen for the queue, None where the inventory names all of them.
    :param cpu_quota: percent of one core.
    """

    queue: str
    consumes: tuple[str, ...]
    workload: str
    order: str
    pools: tuple[str, ...]
    auto: str | None
    wait_ratio: Fraction | None
    weight: int
    concurrency: int | None
    min_concurrency: int
    max_concurrency: int | None
    autoscale: bool
    cpu_quota: int | None
    app_memory_mb: int
    task_memory_mb: int
    soft_time_limit: int
    time_limit: int
    max_tasks_per_child: int | None
    stop_within: int | None
    arguments: tuple[str, ...]
    scale: Scale | None = None
    environment: Mapping[str, object] = field(default_factory=dict)

    @property
    def instances(self) -> int:
        """How many instances the queue has on a host at most: one for each pool, or what `scale` allows."""
        return self.scale.max_instances if self.scale else len(self.pools)


KEYS = frozenset(
    (
        "workload",
        "order",
        "pool",
        "pools",
        "concurrency",
        "min_concurrency",
        "max_concurrency",
        "wait_ratio",
        "weight",
        "consumes",
        "app_memory_mb",
        "task_memory_mb",
        "time_limit",
        "soft_time_limit",
        "stop_within",
        "max_tasks_per_child",
        "autoscale",
        "cpu_quota",
        "scale",
        "arguments",
        "environment",
    )
)
# Keys whose values may be secrets: nothing shows them, and their texts may have several lines.
HIDDEN = frozenset(("environment",))
SCALE_KEYS = frozenset(one.name for one in fields(Scale))


def is_hidden(path: str) -> bool:
    """Tell whether the path of a variable leads to what of a queue is not shown."""
    return path.startswith(f"{VARIABLE}.") and any(f".{key}" in path for key in HIDDEN)


def whole(value: object) -> int | None:
    """Return the whole number that a variable holds (`-e x=4` makes it a string), or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]+", value):
        return int(value)
    return None


class _Reader:
    """Reads the keys of one spec, and keeps what is wrong with them."""

    def __init__(self, path: str, raw: Mapping[str, object]) -> None:
        self.path = path
        self.raw = raw
        self.problems: list[Problem] = []

    def wrong(self, key: str, what: str, fix: str) -> None:
        self.problems.append(Problem(f"{self.path}.{key}", shown(key, self.raw.get(key)), what, fix))

    def given(self, key: str) -> bool:
        return self.raw.get(key) is not None

    def integer(self, key: str, least: int, most: int | None = None) -> int | None:
        """Return the whole number of a key, or None when it is not set or wrong."""
        if not self.given(key):
            return None
        number = whole(self.raw[key])
        span = f"{least} or more" if most is None else f"{least} to {most}"
        if number is None or number < least or (most is not None and number > most):
            self.wrong(key, "not a whole number in its range", f"set it to {span}, or leave it out")
            return None
        return number

    def ratio(self, key: str) -> Fraction | None:
        """Return seconds of waiting for each of computing, or None when the key is not set or wrong."""
        if not self.given(key):
            return None
        text = str(self.raw[key])
        if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?", text):
            self.wrong(key, "not a number from 0 to 999", "set the seconds a task waits for each it computes")
            return None
        return Fraction(text)

    def flag(self, key: str) -> bool:
        value = self.raw.get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        self.wrong(key, "not a boolean", "set it to true or false")
        return False

    def word(self, key: str, known: Sequence[str], default: str) -> str:
        if not self.given(key):
            return default
        value = self.raw[key]
        if value not in known:
            self.wrong(key, f"unknown {key}", did_you_mean(value, known))
            return default
        return str(value)

    def words(self, key: str) -> list[object] | None:
        """Return the items of a list, or None when it is not set or wrong."""
        if not self.given(key):
            return None
        value = self.raw[key]
        if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
            self.wrong(key, "not a list", "write it as a list: [...]")
            return None
        return list(value)


def read(
    queue: str, raw: object, default_soft: int, default_hard: int, io_pool: str = IO_POOL
) -> tuple[QueueSpec | None, list[Problem]]:
    """Return a queue's spec, or None and what is wrong with it.

    :param queue: its name.
    :param raw: its value in the inventory.
    :param default_soft, default_hard: the fleet's limits in s.
    :param io_pool: what `auto` takes for tasks that wait.
    """
    path = f"{VARIABLE}.{queue}"
    if raw is None:
        raw = {}
    if not isinstance(raw, Mapping):
        what, fix = "not a mapping of keys", "write it as {workload: cpu}, or as {}"
        return None, [Problem(path, shown(VARIABLE, raw), what, fix)]
    reader = _Reader(path, raw)
    for key in raw:
        if key not in KEYS:
            value = "(hidden)" if isinstance(raw[key], Mapping) else shown(str(key), raw[key])
            reader.problems.append(Problem(f"{path}.{key}", value, "unknown key", did_you_mean(key, KEYS)))
    workload = reader.word("workload", WORKLOADS, "cpu")
    order = reader.word("order", ORDERS, "any")
    auto = STRICT_POOL if order == "strict" else io_pool if workload == "io" else FORKING_POOL
    pools, chosen = _pools(reader, auto)
    minimum = reader.integer("min_concurrency", 1)
    maximum = reader.integer("max_concurrency", 1)
    fixed = reader.integer("concurrency", 1)
    soft, hard = timers.limits(
        reader.integer("soft_time_limit", 1), reader.integer("time_limit", 2), default_soft, default_hard
    )
    spec = QueueSpec(
        queue=queue,
        consumes=_consumes(reader, queue),
        workload=workload,
        order=order,
        pools=pools,
        auto=auto if chosen else None,
        wait_ratio=reader.ratio("wait_ratio"),
        weight=reader.integer("weight", 1, HEAVIEST) or 1,
        concurrency=fixed,
        min_concurrency=minimum or 1,
        max_concurrency=maximum,
        autoscale=reader.flag("autoscale"),
        cpu_quota=reader.integer("cpu_quota", 1),
        app_memory_mb=reader.integer("app_memory_mb", 1) or APP_MEMORY_MB,
        task_memory_mb=reader.integer("task_memory_mb", 1) or TASK_MEMORY_MB[workload],
        soft_time_limit=soft,
        time_limit=hard,
        max_tasks_per_child=reader.integer("max_tasks_per_child", 1),
        stop_within=reader.integer("stop_within", 1),
        arguments=_arguments(reader),
        scale=_scale(reader),
        environment=_environment(reader),
    )
    _agree(reader, spec)
    return (None, reader.problems) if reader.problems else (spec, [])


def _pools(reader: _Reader, auto: str) -> tuple[tuple[str, ...], bool]:
    """Return the pools that serve the queue, with this one for `auto`, and whether `auto` is among them."""
    known = ("auto", *naming.POOLS)
    if reader.given("pool") and reader.given("pools"):
        reader.wrong("pools", f"pool = {reader.raw['pool']} is set too", "keep one of pool and pools")
    listed = reader.words("pools")
    if listed is None:
        listed = [reader.word("pool", known, "auto")]
    if not listed:
        reader.wrong("pools", "an empty list", f"use one or more of {', '.join(known)}, or leave it out")
    for unknown in (item for item in listed if item not in known):
        reader.wrong("pools", f"unknown pool {unknown}", did_you_mean(unknown, known))
    resolved = [auto if pool == "auto" else str(pool) for pool in listed]
    twice = sorted({pool for pool in resolved if resolved.count(pool) > 1})
    if twice:
        reader.wrong("pools", f"{twice[0]} is listed twice", "list each pool once")
    return tuple(sorted(resolved)) or (auto,), "auto" in listed


def _consumes(reader: _Reader, queue: str) -> tuple[str, ...]:
    """Return the broker's queues that the instance consumes."""
    listed = reader.words("consumes")
    if listed is None:
        return (queue,)
    if not listed:
        reader.wrong("consumes", "an empty list", f"list the broker's queues, or leave it out for [{queue}]")
    for name in listed:
        if not naming.is_consumed_name(name):
            reader.wrong(
                "consumes",
                f"the worker cannot be told to consume {name!r}",
                "use names without spaces, commas, quotes, $, % and backslashes",
            )
    return tuple(str(name) for name in listed)


def _arguments(reader: _Reader) -> tuple[str, ...]:
    """Return the further words of the command line."""
    listed = reader.words("arguments") or []
    for word in listed:
        if not isinstance(word, str) or not re.fullmatch(r"[^\s\"'\\$%]+", word):
            reader.wrong(
                "arguments",
                f"{word!r} cannot be put on a unit's command line",
                "write each word apart, as a string without spaces, quotes, $, % and backslashes",
            )
            continue
        option = word.partition("=")[0]
        option = option if option.startswith("--") else option[:2]
        if option in OWN_WORDS:
            key = OWN_WORDS[option]
            fix = f"remove it and set {reader.path}.{key}" if key else "remove it"
            reader.wrong("arguments", f"the unit already says {option}", fix)
    return tuple(str(word) for word in listed)


def _environment(reader: _Reader) -> Mapping[str, object]:
    """Return the environment variables that the queue's tasks have over the app's."""
    raw = {} if reader.raw.get("environment") is None else reader.raw["environment"]
    reader.problems += environment_problems(raw, f"{reader.path}.environment")
    return raw if isinstance(raw, Mapping) else {}


def _scale(reader: _Reader) -> Scale | None:
    """Return between which numbers the queue's instances move, or None where they do not."""
    if not reader.given("scale"):
        return None
    path, raw = f"{reader.path}.scale", reader.raw["scale"]
    if not isinstance(raw, Mapping):
        reader.wrong("scale", "not a mapping of keys", "write it as {max_instances: 3}, or leave it out")
        return None
    own = _Reader(path, raw)
    for key in raw:
        if key not in SCALE_KEYS:
            own.wrong(key, "unknown key", did_you_mean(key, SCALE_KEYS))
    lowest = own.integer("min_instances", 1, MOST_INSTANCES - 1) or 1
    highest = own.integer("max_instances", 2, MOST_INSTANCES)
    up_depth = own.integer("up_depth", 1) or UP_DEPTH
    scale = Scale(
        min_instances=lowest,
        max_instances=highest or MOST_INSTANCES,
        up_depth=up_depth,
        up_age=own.integer("up_age", 1) or UP_AGE,
        down_depth=own.integer("down_depth", 0) or 0,
        cool_down=own.integer("cool_down", 1) or COOL_DOWN,
    )
    if not own.given("max_instances"):
        own.wrong("max_instances", "not set", f"set it to 2 to {MOST_INSTANCES}, or leave scale out")
    elif scale.min_instances >= scale.max_instances:
        own.wrong("min_instances", f"not below max_instances = {highest}", "lower it, or raise the other")
    if scale.down_depth >= scale.up_depth:
        own.wrong("down_depth", f"not below up_depth = {up_depth}", "lower it: between the two nothing moves")
    reader.problems += own.problems
    return scale


def _agree(reader: _Reader, spec: QueueSpec) -> None:
    """Keep what contradicts within the spec."""
    lowest, highest, fixed = spec.min_concurrency, spec.max_concurrency, spec.concurrency
    if highest is not None and lowest > highest:
        reader.wrong("min_concurrency", f"above max_concurrency = {highest}", f"set it to {highest} or less")
    elif fixed is not None and fixed < lowest:
        reader.wrong("concurrency", f"below min_concurrency = {lowest}", "remove one of the two")
    elif fixed is not None and highest is not None and fixed > highest:
        reader.wrong("concurrency", f"above max_concurrency = {highest}", "remove one of the two")
    if spec.order == "strict":
        _keep_order(reader, spec)
    elif spec.pools == ("solo",) and max(lowest, fixed or 1) > 1:
        key = "concurrency" if fixed else "min_concurrency"
        reader.wrong(key, "pool solo runs one task at a time", "remove it, or use another pool")
    if spec.autoscale and not set(spec.pools) & set(AUTOSCALING_POOLS):
        reader.wrong(
            "autoscale",
            f"pool {', '.join(spec.pools)} cannot grow or shrink",
            f"remove it, or use {' or '.join(AUTOSCALING_POOLS)}",
        )
    if spec.stop_within and spec.pools != ("prefork",):
        reader.wrong(
            "stop_within",
            f"pool {', '.join(spec.pools)} cannot hand back a task that runs",
            "remove it: a stop then waits for its tasks; or use pool prefork",
        )
    if spec.max_tasks_per_child and "prefork" not in spec.pools:
        reader.wrong(
            "max_tasks_per_child",
            f"pool {', '.join(spec.pools)} has no children",
            "remove it, or use pool prefork",
        )
    if spec.scale and len(spec.pools) > 1:
        what = f"the queue has {len(spec.pools)} pools, {', '.join(spec.pools)}"
        reader.wrong("scale", what, "use one pool, or leave scale out")
    if reader.given("soft_time_limit") and reader.given("time_limit"):
        reader.problems += timers.clash(
            timers.Timer(f"{reader.path}.soft_time_limit", spec.soft_time_limit),
            timers.Timer(f"{reader.path}.time_limit", spec.time_limit),
        )


def _keep_order(reader: _Reader, spec: QueueSpec) -> None:
    """Keep what would run two tasks of an ordered queue at a time."""
    more = {
        "concurrency": (spec.concurrency or 1) > 1,
        "min_concurrency": spec.min_concurrency > 1,
        "autoscale": spec.autoscale,
        "scale": spec.scale is not None,
        "pools": len(spec.pools) > 1,
    }
    for key in (key for key, wanted in more.items() if wanted):
        reader.wrong(key, "order = strict is set, and one task at a time keeps it", "remove one of the two")
