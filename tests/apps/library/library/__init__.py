"""The Django project."""

from library.celery import library

__all__ = ["library"]
