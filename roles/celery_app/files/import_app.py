# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Imports the app the way a worker does, and says on one line why it does not, or what is doubtful.

Reads a JSON object from stdin: target, directory, timeout (s), pools, settings, environment, needs, each
with a module, the package that has it, and the variable and value that ask for it, agent, the modules of
the agent that will run beside it, each with its path and content, and queues: consumed by the fleet, foreign
ones that others consume, and periodic, the entries of the inventory for beat, null where beat does not run.
memory: what the app is planned with in MB, queues by their name, and beat's limit, 0 where it does not run.
"""

from __future__ import annotations

import importlib
import json
import math
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, NoReturn

# What a pool's name needs to be installed.
POOL_PACKAGES = ("gevent", "eventlet")
# Shorter values are words such as "true": hiding them would make the message unreadable.
SHORTEST_SECRET = 8
PACKAGE = "celeryops_agent"
BEAT_MEMORY = "celery_beat_memory_max_mb"
# Beat has its schedule and its connections beside the app.
BEAT_SHARE = 5 / 4


class RefusalError(Exception):
    """A reason that is complete as it is."""


def main() -> None:
    """Import the app; exit 1 with the reason on stdout when that fails, 0 with what is doubtful there."""
    asked: dict[str, Any] = json.load(sys.stdin)
    # What the app prints while it is imported may hold a secret: it does not mix with the reason.
    reason = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    try:
        with tempfile.TemporaryDirectory() as agent:
            doubt = _import(asked, Path(agent))
        if doubt:
            print(doubt, file=reason, flush=True)
    except BaseException as error:
        print(" ".join(_told(asked, error).split()), file=reason, flush=True)
        # Not sys.exit: threads that the app started must not hold up the answer.
        os._exit(1)
    os._exit(0)


def _import(asked: dict[str, Any], agent: Path) -> str:
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(int(asked["timeout"]))
    os.environ.update(_strings(asked["environment"]))
    os.environ["HOME"] = "/var/lib/celery"
    if not Path(asked["directory"]).is_dir():
        fix = "put the app there, or set celery_app_directory to where it is"
        raise RefusalError(f"celery_app_directory = {asked['directory']}: not a directory; {fix}")
    os.chdir(asked["directory"])
    sys.path[0:0] = [asked["directory"], *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    for pool in asked["pools"]:
        if pool in POOL_PACKAGES:
            _need_pool(pool)
    for need in asked["needs"]:
        _need_module(**need)

    _need_name(asked["target"])
    _unpack(asked["agent"], agent)
    sys.path.insert(0, str(agent))
    # A missing Celery is one of the reasons, so these are imported no sooner.
    from celery.app.utils import find_app  # noqa: PLC0415
    from celeryops_agent.internals import changed  # noqa: PLC0415
    from celeryops_agent.settings import apply_settings, load_settings, recorded_tasks, unheld  # noqa: PLC0415
    from celeryops_agent.signed import UnsignedError  # noqa: PLC0415

    if problem := changed():
        fix = "pin one that docs/reference/compatibility.md shows, or update the collection"
        raise RefusalError(f"celery_app_packages: {problem}; {fix}")
    (agent / "settings.json").write_text(json.dumps(asked["settings"]), encoding="utf-8")
    settings = load_settings(str(agent / "settings.json"))
    with recorded_tasks() as taken:
        app = find_app(asked["target"])
    try:
        settings = apply_settings(app.conf, settings, taken)
    except UnsignedError as error:
        raise RefusalError(str(error)) from None
    app.loader.import_default_modules()
    app.finalize()
    if names := unheld(app.conf, settings):
        fix = "leave them to celery_app_settings, or to the code with null there"
        raise RefusalError(
            f"celery_app_target = {asked['target']}: its code changes {' and '.join(names)} after the "
            f"inventory's were laid over; {fix}"
        )
    _need_transport(app)
    _need_consumers(app, **asked["queues"])
    found = [_unknown_tasks(app, **asked["queues"]), *_short_of_memory(**asked["memory"])]
    return "\n".join(filter(None, found))


def _unpack(modules: list[dict[str, Any]], directory: Path) -> None:
    """Lay the agent's modules where they can be imported: the host gets them only with the release."""
    for module in modules:
        file = directory / PACKAGE / module["path"].rpartition(f"/{PACKAGE}/")[2]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(module["content"], encoding="utf-8")


def _need_transport(app: Any) -> None:
    """Refuse a client of the broker that is missing or that kombu does not take, before a worker does."""
    from kombu.exceptions import VersionMismatch  # noqa: PLC0415

    try:
        for connect in (app.connection_for_read, app.connection_for_write):
            # Loads the client, and connects to nobody.
            channel = getattr(connect().transport, "Channel", None)
            if opens := getattr(channel, "_get_client", None):
                opens(channel)
    except VersionMismatch as error:
        fix = "add kombu[redis] to celery_app_packages, so that pip finds a pair that fits"
        raise RefusalError(f"celery_app_packages: {error}; {fix}") from None
    except (ImportError, AttributeError) as error:  # kombu 5.7 says the latter where redis-py is missing
        what = f"the broker's transport cannot be loaded: {type(error).__name__}: {error}"
        fix = "add kombu[redis], or what else the broker needs, to celery_app_packages or the requirements"
        raise RefusalError(f"celery_app_packages: {what}; {fix}") from None


def _need_consumers(
    app: Any, consumed: list[str], foreign: list[str], periodic: dict[str, Any] | None
) -> None:
    """Refuse an app that sends to queues where its tasks would lie for nobody."""
    from celeryops_agent.routing import DEFAULT, unconsumed  # noqa: PLC0415

    if not (lost := unconsumed(app, consumed, foreign, periodic)):
        return
    told = [f"{queue} ({why})" for queue, why in lost.items()]
    one = len(told) == 1
    queues = f"queue {told[0]}" if one else f"queues {', '.join(told[:-1])} and {told[-1]}"
    it, consume = ("it", "a queue") if one else ("them", "queues")
    set_it = f"set celery_app_settings: {{{DEFAULT}: {consumed[0]}}}, " if DEFAULT in lost.values() else ""
    raise RefusalError(
        f"celery_worker_queues = {', '.join(consumed)}: the app sends to the {queues}, which no worker "
        f"consumes; {set_it}let {consume} consume {it} (consumes), or list {it} in "
        f"celery_app_foreign_queues where others consume {it}"
    )


def _unknown_tasks(app: Any, foreign: list[str], periodic: dict[str, Any] | None, **_: Any) -> str:
    """Return which entries of beat name a task that the app does not have; empty when none does."""
    from celeryops_agent.routing import unknown  # noqa: PLC0415

    named = [f"{entry} = {task}" for entry, task in unknown(app, foreign, periodic).items()]
    if not named:
        return ""
    fix = "fix the name, or import the module that has the task"
    return f"{' and '.join(named)}: the app has no such task, and its workers would run none; {fix}"


def _short_of_memory(queues: dict[str, int], beat: int) -> list[str]:
    """Return where the app is planned with less memory than it takes here, with what to write."""
    import celery.apps.worker  # noqa: F401, PLC0415 - a worker loads that too

    status = Path("/proc/self/status").read_text(encoding="ascii")
    used = next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS:"))
    planned = {f"celery_worker_queues.{queue}.app_memory_mb": mb for queue, mb in queues.items()}
    wanted = {variable: _stepped(used * 11 / 10) for variable in planned}
    if beat:
        planned[BEAT_MEMORY] = beat
        wanted[BEAT_MEMORY] = _stepped(used * BEAT_SHARE)
    return [
        f"{variable} = {mb}: the app takes {used} MB once it is imported; set it to {wanted[variable]}"
        for variable, mb in planned.items()
        if mb < used
    ]


def _stepped(figure: float) -> int:
    """Return the next multiple of 5 MB, as measure.yml does."""
    return math.ceil(figure / 5) * 5


def _need_pool(pool: str) -> None:
    try:
        importlib.import_module(pool)
    except ImportError as error:
        fix = f"add {pool} to celery_app_packages, or choose another pool"
        raise RefusalError(f"celery_worker_queues: a queue has the pool {pool}: {error}; {fix}") from None


def _need_module(module: str, package: str, variable: str, value: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError as error:
        fix = f"add {package} to celery_app_packages or to the app's requirements"
        raise RefusalError(f"{variable} = {value}: {error}; {fix}") from None


def _need_name(target: str) -> None:
    """Refuse a name that its module does not have; find_app would speak of a missing module."""
    from celery import Celery  # noqa: PLC0415

    name, _colon, attribute = target.partition(":")
    if attribute:
        module = importlib.import_module(name)
        if not hasattr(module, attribute.partition(".")[0]):
            apps = [f"{name}:{key}" for key, value in vars(module).items() if isinstance(value, Celery)]
            fix = f"set it to {' or '.join(apps)}" if apps else "name the Celery app of the module"
            raise RefusalError(f"celery_app_target = {target}: {name} has no {attribute}; {fix}")


def _strings(environment: dict[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in environment.items()
        if value is not None
    }


def _told(asked: dict[str, Any], error: BaseException) -> str:
    """Say what is wrong, where it was raised, and what to do, without the environment's secrets."""
    if isinstance(error, RefusalError):
        return str(error)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename[0] != "<"]
    own = [frame for frame in frames if frame.filename.startswith(asked["directory"])]
    where = [f" at {frame.filename}:{frame.lineno}" for frame in (own or frames)[-1:]]
    text = f"{type(error).__name__}: {error}{''.join(where)}"
    for value in _strings(asked["environment"]).values():
        if len(value) >= SHORTEST_SECRET and value != asked["target"]:
            text = text.replace(value, "***")
    fix = "fix the import, or add what is missing to the app's requirements or celery_app_packages"
    package = asked["target"].partition(":")[0].partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and error.name == package:
        fix = f"name the module that has the app, or add the package that has {package} to the requirements"
        fix += " of celery_app_source"
    if isinstance(error, TimeoutError):
        fix = f"do less at import, or raise celery_app_import_timeout = {asked['timeout']}"
    return f"celery_app_target = {asked['target']}: it does not import: {text}; {fix}"


def _too_long(*_: object) -> NoReturn:
    raise TimeoutError("the import takes too long")


if __name__ == "__main__":
    main()
