# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Imports the app the way a worker does, and says on one line why it does not.

Reads a JSON object from stdin: target, directory, timeout (s), pools, settings, environment.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

# What a pool's name needs to be installed.
POOL_PACKAGES = ("gevent", "eventlet")
# Shorter values are words such as "true": hiding them would make the message unreadable.
SHORTEST_SECRET = 8


def main() -> None:
    """Import the app; exit 1 with the reason on stdout when that fails."""
    asked: dict[str, Any] = json.load(sys.stdin)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(int(asked["timeout"]))
    os.environ.update(_strings(asked["environment"]))
    os.environ["HOME"] = "/var/lib/celery"
    os.chdir(asked["directory"])
    sys.path.insert(0, asked["directory"])
    for pool in asked["pools"]:
        if pool in POOL_PACKAGES:
            _need_pool(pool)
    try:
        from celery.app.utils import find_app  # noqa: PLC0415 - a missing Celery is one of the reasons

        app = find_app(asked["target"])
        app.conf.update({key: value for key, value in asked["settings"].items() if value is not None})
        app.loader.import_default_modules()
        app.finalize()
    except BaseException as error:
        _refuse(asked, error)


def _need_pool(pool: str) -> None:
    try:
        importlib.import_module(pool)
    except ImportError:
        mend = f'add "{pool}" to celery_app_packages, or choose another pool'
        sys.exit(_say(f"celery_worker_queues: a queue uses the pool {pool}, which is not installed; {mend}"))


def _strings(environment: dict[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in environment.items()
        if value is not None
    }


def _refuse(asked: dict[str, Any], error: BaseException) -> NoReturn:
    """Say what is wrong, where it was raised, and what to do, without the environment's secrets."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != "<string>"]
    own = [frame for frame in frames if frame.filename.startswith(asked["directory"])]
    where = [f" at {frame.filename}:{frame.lineno}" for frame in (own or frames)[-1:]]
    text = f"{type(error).__name__}: {error}{''.join(where)}"
    for value in _strings(asked["environment"]).values():
        if len(value) >= SHORTEST_SECRET and value != asked["target"]:
            text = text.replace(value, "***")
    mend = "mend the import, add what is missing to the app's requirements or celery_app_packages"
    sys.exit(_say(f"celery_app_target = {asked['target']}: it does not import: {text}; {mend}"))


def _say(text: str) -> int:
    print(" ".join(text.split()))
    return 1


def _too_long(*_: object) -> NoReturn:
    raise TimeoutError("the import did not end in celery_app_import_timeout")


if __name__ == "__main__":
    main()
