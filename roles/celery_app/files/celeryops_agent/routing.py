# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""To which queues an app sends by itself, as far as that is told without sending."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from celery.app.routes import MapRoute

DEFAULT = "task_default_queue"
INVENTORY = "celery_beat_schedules"
#: What names the place of a message; without a queue the bindings of an exchange decide.
PLACE = ("queue", "exchange", "routing_key")


def sent_to(app: Any, periodic: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the queues that the app's tasks and beat's entries go to, and what sends each there.

    What a router that is a function or an exchange decides is left out: only a message tells.

    :param app: a finalized Celery app.
    :param periodic: the inventory's entries for beat by name, each with ``task`` and ``options``; None
        where beat does not run.
    """
    found: dict[str, str] = {}
    for name in sorted(app.tasks):
        # Celery's own come with every app, whoever uses them.
        if not name.startswith("celery."):
            for queue, why in _of_task(app, name, {}):
                found.setdefault(queue, why)
    for why, task, options in _entries(app, periodic):
        for queue, by in _of_task(app, task, options):
            found.setdefault(queue, DEFAULT if by == DEFAULT else why)
    return dict(sorted(found.items()))


def unconsumed(
    app: Any, consumed: Iterable[str], foreign: Iterable[str], periodic: Mapping[str, Any] | None
) -> dict[str, str]:
    """Return those of :func:`sent_to` that nobody consumes; none where the fleet has no worker.

    :param consumed: the queues that the fleet's workers consume; foreign: those that others do.
    """
    served = set(consumed)
    if not served:
        return {}
    served.update(foreign)
    return {queue: why for queue, why in sent_to(app, periodic).items() if queue not in served}


def unknown(app: Any, foreign: Iterable[str], periodic: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the entries of beat whose task the app does not have, and its name; none that go to others.

    :param foreign: the queues that others consume.
    """
    others = set(foreign)
    return {
        entry: task
        for entry, task, options in _entries(app, periodic)
        if task not in app.tasks and not others & {queue for queue, _why in _of_task(app, task, options)}
    }


def _entries(app: Any, periodic: Mapping[str, Any] | None) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield what beat sends: the name of the entry, its task and its options."""
    if periodic is None:
        return
    for name, entry in (app.conf.beat_schedule or {}).items():
        if name not in periodic:
            told = entry if isinstance(entry, Mapping) else vars(entry)
            yield f"beat_schedule.{name}", told["task"], told.get("options") or {}
    for name, entry in periodic.items():
        yield f"{INVENTORY}.{name}", entry["task"], entry.get("options") or {}


def _of_task(app: Any, name: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the queue of a task that is sent with these options, where it can be told, and what says so."""
    task = app.tasks.get(name)
    given = _places({key: getattr(task, key, None) for key in PLACE}) | _places(options)
    if "queue" in given:
        yield _name(given["queue"]), f"the task {name}"
        return
    for router in app.amqp.routes:
        if not isinstance(router, MapRoute):
            return
        if (routed := router(name)) is not None:
            if places := _places(routed):
                if "queue" in places:
                    yield _name(places["queue"]), f"task_routes, for {name}"
                return
            break
    if not given:
        yield _name(app.conf.task_default_queue), DEFAULT


def _places(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: options[key] for key in PLACE if options.get(key) is not None}


def _name(queue: Any) -> str:
    """Return the name by which a worker consumes a queue."""
    return str(getattr(queue, "alias", None) or getattr(queue, "name", queue))
