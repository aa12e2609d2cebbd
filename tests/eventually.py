# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How tests wait: for an event, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable

#: Seconds in which what must happen at all has happened; never a measure of speed.
BOUND = 240.0

#: Seconds between two looks.
PAUSE = 0.1


def wait_until(what: str, condition: Callable[[], object], bound: float = BOUND) -> None:
    """Look until the condition holds; fail with its name after ``bound`` seconds."""
    end = time.monotonic() + bound
    while not condition():
        assert time.monotonic() < end, f"in {bound:.0f} s it did not happen that {what}"
        time.sleep(PAUSE)
