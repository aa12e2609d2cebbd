# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app that prints whatever it does; its result backend needs a set-up that its tasks' modules bring."""

from __future__ import annotations

import atexit

from celery import Celery

print("chatty is imported")
atexit.register(print, "chatty ends")
application = Celery("chatty", include=["chatty_tasks"])
