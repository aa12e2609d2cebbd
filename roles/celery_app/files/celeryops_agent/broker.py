# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the broker would serve this app now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: Seconds that one step of the probe may take. It runs in the agent's thread, which must also pet.
TIMEOUT = 3.0


def broker_answers(connect: Callable[..., Any]) -> bool:
    """Open a fresh connection to the broker as the app would: its TLS, login and first command.

    :param connect: ``app.connection_for_read``, or ``app.connection_for_write``.
    :returns: False for any failure: a broker that refuses to serve is as good as away.
    """
    try:
        with bounded_connection(connect):
            return True
    except Exception:
        return False


def bounded_connection(connect: Callable[..., Any], timeout: float = TIMEOUT) -> Any:
    """An established connection, a context manager, whose steps do not outlast a timeout in seconds.

    :raises kombu.exceptions.OperationalError: the broker does not answer, or not in time.
    """
    bounds = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    connection = connect(connect_timeout=timeout, transport_options=bounds)
    # One pass over the hosts and no pause: who wants to know again asks again.
    return connection.ensure_connection(max_retries=max(0, len(connection.alt or ()) - 1))
