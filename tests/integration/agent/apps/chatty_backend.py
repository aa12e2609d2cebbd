# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Results in Redis, for an app that is set up: as django-db's, which raises AppRegistryNotReady before."""

from __future__ import annotations

from typing import Any

from celery.backends.redis import RedisBackend

is_set_up = False


class Backend(RedisBackend):
    """What Celery makes of `chatty_backend:Backend+redis://...`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not is_set_up:
            raise RuntimeError("Apps aren't loaded yet.")
        super().__init__(*args, **kwargs)
