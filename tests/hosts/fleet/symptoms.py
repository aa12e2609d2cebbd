"""Prints what the sandbox that it runs in keeps it from, one symptom a line."""

import ctypes
import errno
import mmap
import os
import signal
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

AF_NETLINK = 16
PR_SET_DUMPABLE = 4


def executable_memory() -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def netlink() -> None:
    socket.socket(AF_NETLINK, socket.SOCK_RAW).close()


def read_only_srv() -> None:
    # The user may not write there whatever the sandbox says.
    with suppress(PermissionError):
        Path("/srv/symptom").mkdir()


def home() -> None:
    list(Path("/home").iterdir())


def set_user_id() -> None:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).chmod(0o4700)


def affinity() -> None:
    os.sched_setaffinity(0, os.sched_getaffinity(0))


def hidden_child() -> None:
    """A child that is not dumpable, as one that has a capability or was another user's."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        os.write(write, b"x")
        signal.pause()
    os.read(read, 1)
    try:
        Path(f"/proc/{child}").stat()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


for symptom in (executable_memory, netlink, read_only_srv, home, set_user_id, affinity, hidden_child):
    try:
        symptom()
    except OSError as error:
        print(symptom.__name__, errno.errorcode.get(error.errno or 0, "?"))
