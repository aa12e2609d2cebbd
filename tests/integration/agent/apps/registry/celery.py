# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The project's Celery app, under a name of its own."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "registry.settings")
registrar = Celery("registry")
registrar.config_from_object("django.conf:settings", namespace="CELERY")
registrar.autodiscover_tasks()
