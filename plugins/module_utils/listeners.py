# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who listens at a port of this host: while a service is away anybody may, and a password is not for him."""

from __future__ import annotations

import pwd
from pathlib import Path

NET = Path("/proc/net")
_LISTENS = "0A"  # proc(5): TCP_LISTEN


class StrangerError(Exception):
    """Somebody else than the service listens at its port; the text says who, and the fix."""


def user_id(name: str) -> int:
    """Return the id of a user, root's where there is no such user."""
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return 0


def require(port: int, uid: int) -> None:
    """Refuse to go on where others than root and the service's user listen. To be asked once connected.

    :raises StrangerError: they do, or nobody listens any more.
    """
    found = _listening(port)
    strangers = found - {0, uid}
    if strangers:
        who, service = (", ".join(map(_name, sorted(uids))) for uids in (strangers, {uid}))
        raise StrangerError(f"port {port}: {who} listens there, not {service}; stop it, and play again")
    if not found:
        raise StrangerError(f"port {port}: who answered there no longer listens there; play again")


def _listening(port: int) -> set[int]:
    """Return the users that listen at a port, on whatever address."""
    found = set()
    for table in (NET / "tcp", NET / "tcp6"):
        if not table.exists():  # a kernel without IPv6
            continue
        for row in table.read_text().splitlines()[1:]:
            fields = row.split()
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                found.add(int(fields[7]))
    return found


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
