"""Django's settings, and Celery's with their prefix."""

from __future__ import annotations

from secrets import token_urlsafe

# Signs nothing that outlives a process: this project has no web side.
SECRET_KEY = token_urlsafe()
INSTALLED_APPS = ["lending"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
USE_TZ = True

CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "lending.tasks.remind": {"queue": "reminders"},
    "lending.tasks.greet": {"queue": "reminders"},
    "lending.tasks.reindex": {"queue": "catalogue"},
    "lending.tasks.count_shelf": {"queue": "catalogue"},
}
CELERY_BEAT_SCHEDULE = {"close-day": {"task": "lending.tasks.close_day", "schedule": 10.0}}
