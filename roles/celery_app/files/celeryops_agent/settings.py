# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The Celery settings of the inventory, laid over the app's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def load_settings(path: str) -> dict[str, Any]:
    """Read the settings file.

    :param path: a JSON object of Celery settings, by their lower-case names.
    :returns: the settings to apply. A null, also inside a mapping, leaves that one to the code.
    :raises OSError: it cannot be read.
    :raises ValueError: it does not hold a JSON object.
    """
    try:
        settings = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as exc:
        raise ValueError(f"CELERYOPS_SETTINGS={path}: not JSON: {exc}") from exc
    if not isinstance(settings, dict):
        raise ValueError(f"CELERYOPS_SETTINGS={path}: a JSON object of Celery settings is wanted")
    return _without_nulls(settings)


def apply_settings(conf: Any, settings: Mapping[str, Any]) -> None:
    """Lay settings over an app's configuration; they win.

    A mapping, such as broker_transport_options, is merged: keys it does not name stay as the code has
    them.

    :param conf: the ``conf`` of a Celery app.
    :param settings: what :func:`load_settings` returned.
    """
    # Plain values first: they may be laid over a configuration that is not loaded yet, so that tasks
    # which the app touches while it loads already see them. To merge a mapping is to load it.
    conf.update({key: value for key, value in settings.items() if not isinstance(value, dict)})
    for key, value in settings.items():
        if isinstance(value, dict):
            conf[key] = {**(conf.get(key) or {}), **value}


def _without_nulls(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value
        for key, value in settings.items()
        if value is not None
    }
