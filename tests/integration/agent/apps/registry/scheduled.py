# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The project's settings with django-celery-beat in a database."""

import os

from . import settings

SECRET_KEY = settings.SECRET_KEY
USE_TZ = settings.USE_TZ
CELERY_TASK_TIME_LIMIT = settings.CELERY_TASK_TIME_LIMIT
CELERY_TASK_TRACK_STARTED = settings.CELERY_TASK_TRACK_STARTED
CELERY_BROKER_TRANSPORT_OPTIONS = settings.CELERY_BROKER_TRANSPORT_OPTIONS

INSTALLED_APPS = ["registry", "django_celery_beat"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["REGISTRY_DATABASE"]},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
