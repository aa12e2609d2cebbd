# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether the broker would serve this app now."""

from __future__ import annotations

from typing import Any

#: Seconds that one step of the probe may take. It runs in the agent's thread, which must also pet.
TIMEOUT = 3.0


def broker_answers(app: Any) -> bool:
    """Open a fresh connection to the broker as a worker would: its TLS, login and first command.

    :param app: the Celery app.
    :returns: False for any failure: a broker that refuses to serve is as good as away.
    """
    bounds = {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT}
    try:
        with app.connection_for_read(connect_timeout=TIMEOUT, transport_options=bounds) as connection:
            # One pass over the hosts and no pause: a later look asks again.
            connection.ensure_connection(max_retries=max(0, len(connection.alt or ()) - 1))
    except Exception:
        return False
    return True
