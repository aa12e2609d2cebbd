# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The project's settings with django-celery-beat in a database."""

import os

from .settings import *  # noqa: F403 - as Django projects do

INSTALLED_APPS = ["registry", "django_celery_beat"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["REGISTRY_DATABASE"]},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
