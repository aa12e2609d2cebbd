# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The tasks of chatty."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from celery import shared_task

backend: Any = import_module("chatty_backend")
backend.is_set_up = True


@shared_task
def speak(word: str) -> str:
    """Print a word."""
    print(word)
    return word
