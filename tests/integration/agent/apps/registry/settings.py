# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Django's settings, Celery's among them under their own prefix."""

SECRET_KEY = "for tests only"
INSTALLED_APPS = ["registry"]
DATABASES: dict[str, object] = {}
USE_TZ = True
CELERY_TASK_TIME_LIMIT = 7
CELERY_TASK_TRACK_STARTED = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 60, "priority_steps": [0, 9]}
