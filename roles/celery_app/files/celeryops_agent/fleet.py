# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The app that ``celery -A celeryops_agent.fleet`` starts: the one CELERYOPS_APP names, watched.

It is found the way ``-A`` finds an app, so any target that ``-A`` takes will do. gevent and eventlet
have patched the standard library by then: the celery command does it before it imports an app.
"""

from __future__ import annotations

import os

from celery.app.utils import find_app

from celeryops_agent.install import install
from celeryops_agent.settings import apply_settings, load_settings, recorded_tasks

target = os.environ.get("CELERYOPS_APP", "")
if not target:
    raise RuntimeError("CELERYOPS_APP is not set: name the Celery app as `celery -A` would take it")

with recorded_tasks() as taken:
    app = find_app(target)
settings = apply_settings(app.conf, load_settings(os.environ.get("CELERYOPS_SETTINGS", "")), taken)
install(app, settings, os.environ)
