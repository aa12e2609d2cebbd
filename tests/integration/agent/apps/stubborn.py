# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The app with code that changes settings as a worker and beat start."""

from __future__ import annotations

from typing import Any

from celery.app.utils import find_app
from celery.signals import celeryd_init

app = find_app("parcels:application")


@celeryd_init.connect(weak=False)
@app.on_after_finalize.connect(weak=False)
def decide(**_kwargs: Any) -> None:
    """Change what the inventory sets."""
    app.conf.worker_prefetch_multiplier = 9
