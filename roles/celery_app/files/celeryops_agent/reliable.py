# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Puts the reliable transport in place where the broker is a Redis and its client is installed."""

from __future__ import annotations

from typing import Any

from celery.utils.imports import symbol_by_name


def install_reliable_redis(app: Any) -> None:
    """Consume from Redis without losing, in this process; other brokers are left alone.

    :param app: the Celery app, before it has connected.
    """
    if app.connection_for_read().transport.driver_type == "redis":
        symbol_by_name("celeryops_agent.reliable_redis:use_reliable_redis")(app.connection_for_read)
