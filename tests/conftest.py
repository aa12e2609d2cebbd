# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What holds for every test."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Let a run that is told to end take down first what its tests have started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
