# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Prints the HTTP status of Flower's API to who has not logged in: python - URL SECONDS.

The host's Python is given this file alone.
"""

from __future__ import annotations

import sys
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

TIMEOUT = 10  # seconds of one question
PAUSE = 0.2


def status(url: str, wait: float) -> int:
    """Return the status.

    :param url: where Flower answers, with its prefix.
    :param wait: seconds to ask again while nobody listens there.
    :raises OSError: nobody answers in time; an HTTPException where somebody does, and not in HTTP.
    """
    parts = urlsplit(url)
    end = time.monotonic() + wait
    while True:
        connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT)
        try:
            connection.request("GET", f"{parts.path.rstrip('/')}/api/workers")
            return connection.getresponse().status
        except ConnectionError:
            if time.monotonic() >= end:
                raise
        finally:
            connection.close()
        time.sleep(PAUSE)


if __name__ == "__main__":
    sys.stdout.write(f"{status(sys.argv[1], float(sys.argv[2]))}\n")
