# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A task that Django's app registry finds."""

from celery import shared_task


@shared_task
def enter(name: str) -> str:
    """Enter a name."""
    return name
