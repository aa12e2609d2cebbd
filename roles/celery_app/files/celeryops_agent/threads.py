# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Threads of the operating system, whatever gevent or eventlet made of `threading` and `socket`."""

from __future__ import annotations

# The C module: `socket` may belong to gevent or eventlet, whose loops a native thread stays out of.
import _socket
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Thread


def start_native_thread(run: Callable[[], None]) -> None:
    """Run a function in a daemon thread that no green loop schedules."""
    eventlet, gevent = sys.modules.get("eventlet.patcher"), sys.modules.get("gevent.monkey")
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        eventlet.original("threading").Thread(target=run, daemon=True).start()
    elif gevent is not None:
        gevent.get_original("_thread", "start_new_thread")(run, ())
    else:
        Thread(target=run, daemon=True, name="celeryops-agent").start()


class Alarm:
    """A sleep that another thread, a greenlet or a signal handler can end early."""

    def __init__(self) -> None:
        self._sleeper, self._waker = _socket.socketpair()
        self._waker.setblocking(False)

    def sleep(self, seconds: float) -> None:
        """Sleep until :meth:`ring`, and for so many seconds at most."""
        self._sleeper.settimeout(seconds)
        with suppress(TimeoutError):
            self._sleeper.recv(1024)

    def ring(self) -> None:
        """End the sleep, or the next one."""
        with suppress(BlockingIOError):  # rung a thousand times already
            self._waker.send(b"!")
