# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Celery settings of the inventory, laid over the app's own."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from celery.app.task import Task

from celeryops_agent.internals import Internal, changed
from celeryops_agent.signed import SAFE, without_unsigning

INTERNALS = (
    Internal("celery.app.task:Task.bind", takes=("app",)),
    Internal("celery.app.task:Task.from_config"),
    Internal(
        "celery.utils.collections:ConfigurationView.__init__", takes=("self", "changes", "defaults", "keys")
    ),
    Internal("celery.utils.collections:ConfigurationView._to_keys", takes=("self", "key")),
    Internal("celery.utils.collections:ChainMap.maps"),
)

#: What a service needs whatever its code says, in words that JSON has not: wait for the broker for ever.
#: Celery gives up after 100 tries, and with it go the tasks that run.
FOUNDATION: Mapping[str, Any] = {"broker_connection_max_retries": None}

#: A task class and the attributes that it took from settings when it was bound: (attribute, setting).
Taken = list[tuple[Any, list[tuple[str, str]]]]


def load_settings(path: str) -> dict[str, Any]:
    """Read the settings file.

    :param path: a JSON object of Celery settings, by their lower-case names; "" for none.
    :returns: the settings to apply. A null, also inside a mapping, leaves that one to the code.
    :raises OSError: it cannot be read.
    :raises ValueError: it does not hold a JSON object.
    """
    if not path:
        return {}
    try:
        settings = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as exc:
        raise ValueError(f"CELERYOPS_SETTINGS={path}: not JSON: {exc}") from exc
    if not isinstance(settings, dict):
        raise ValueError(f"CELERYOPS_SETTINGS={path}: a JSON object of Celery settings is wanted")
    return _asking_once(_without_nulls(settings))


def apply_settings(conf: Any, settings: Mapping[str, Any], taken: Taken) -> dict[str, Any]:
    """Lay settings over an app's configuration; they win, but take no signature away.

    A mapping, such as broker_transport_options, is merged: keys it does not name stay as the code has
    them.

    :param conf: the ``conf`` of a Celery app.
    :param settings: what :func:`load_settings` returned.
    :param taken: what :func:`recorded_tasks` recorded while the app was imported.
    :returns: the settings that hold now.
    :raises UnsignedError: one of them contradicts the signature that the code asks for.
    """
    settings = {**FOUNDATION, **settings}
    with recorded_tasks() as loading:  # what loads the configuration may use tasks
        lay_over(conf, {name: value for name, value in settings.items() if name not in SAFE})
    # Only a configuration that is loaded tells what the code asks for.
    settings = without_unsigning(conf, settings)
    lay_over(conf, {name: value for name, value in settings.items() if name in SAFE})
    for task, attributes in [*taken, *loading]:
        for attribute, setting in attributes:
            if setting in settings:
                setattr(task, attribute, settings[setting])
    return settings


def lay_over(conf: Any, settings: Mapping[str, Any]) -> None:
    """Change a configuration so that it holds these settings, by whatever name the code has them too.

    A Celery before 5.7 asks for ``CELERY_TASK_TIME_LIMIT`` of ``namespace="CELERY"`` everywhere before it
    asks for ``task_time_limit`` anywhere: what is only changed by the latter name does not count.

    :param settings: by their lower-case names; a mapping is merged.
    """
    # Plain values first: they may be laid over a configuration that is not loaded yet, so that tasks
    # which the app touches while it loads already see them.
    conf.update({key: value for key, value in settings.items() if not isinstance(value, dict)})
    len(conf)  # loads it; conf.finalize() would keep a KeyError of the code's to itself
    for key, value in settings.items():
        merged = {**(conf.get(key) or {}), **value} if isinstance(value, dict) else value
        for name in (key, *_other_names(conf, key)):
            conf[name] = merged


def _other_names(conf: Any, key: str) -> set[str]:
    """Return the other names under which the code has this setting: with a prefix, or Celery 3's."""
    names = {*conf._to_keys(key), *(convert(key) for convert in conf._keys or ())}
    return {name for name in names if any(name in layer for layer in conf.maps[1:])}


def unheld(conf: Any, settings: Mapping[str, Any]) -> list[str]:
    """Return the names of the inventory's settings that the configuration does not hold."""
    return [
        key
        for key, value in {**FOUNDATION, **settings}.items()
        if not _holds(getattr(conf, key, None), value)
    ]


def _holds(found: Any, asked: Any) -> bool:
    if isinstance(asked, dict):
        return isinstance(found, Mapping) and all(found.get(key) == value for key, value in asked.items())
    return bool(found == asked)


def refuse_others(conf: Any, settings: Mapping[str, Any]) -> None:
    """End a process in which the inventory's settings do not hold, or whose Celery the agent does not know.

    :raises SystemExit: with the reason; Celery would log any other exception of a signal and go on.
    """
    if names := unheld(conf, settings):
        fix = "leave them to the inventory, or to the code with null in celery_app_settings"
        raise SystemExit(
            f"the app changed {' and '.join(names)} after the inventory's were laid over; {fix}"
        )
    if problem := changed():
        raise SystemExit(problem)


def not_said(settings: Mapping[str, Any], words: Iterable[str]) -> dict[str, Any]:
    """Return the settings that the command line does not set: `celery worker ... name=value` wins over all.

    The role gives an instance what differs from the others of its host that way.

    :param words: those of the command line.
    """
    said = {word.partition("=")[0] for word in words if "=" in word and not word.startswith("-")}
    return {name: value for name, value in settings.items() if name not in said}


@contextmanager
def recorded_tasks() -> Iterator[Taken]:
    """Record what tasks take from settings while an app is imported.

    A task copies its defaults, such as acks_late, from the settings when it is first used. An app that
    uses one while it is imported (``beat_schedule = {... my_task.name ...}``) does so before the
    inventory's settings are there. Recorded, because later nobody can tell what the code said itself.
    """
    taken: Taken = []
    bind = Task.__dict__["bind"]

    def bind_and_record(cls: Any, app: Any) -> Any:
        unset = [(name, key) for name, key in cls.from_config if getattr(cls, name, None) is None]
        taken.append((cls, unset))
        return bind.__func__(cls, app)

    Task.bind = classmethod(bind_and_record)  # type: ignore[method-assign, assignment]
    try:
        yield taken
    finally:
        Task.bind = bind  # type: ignore[method-assign]


def _asking_once(settings: dict[str, Any]) -> dict[str, Any]:
    """Pass over a Sentinel that is gone; redis-py 8 asks it eleven times, while all threads wait.

    It takes None for no retries, which the file cannot say: there it leaves an option to the code.
    """
    for options in settings.values():
        if isinstance(options, dict) and "sentinel_kwargs" in options:
            options["sentinel_kwargs"].setdefault("retry", None)
    return settings


def _without_nulls(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in settings.items()
        if value is not None
    }
