# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How closely systemd confines a service, as the lines of its unit.

Sources: systemd.exec(5), systemd.resource-control(5), and the table of `systemd-analyze security`.
"""

from __future__ import annotations

from collections.abc import Mapping

Value = str | bool | int | list[str] | None

RELAXED: dict[str, Value] = {
    "NoNewPrivileges": True,
    "PrivateTmp": True,
    "ProtectSystem": "full",
    "ProtectHome": True,
    "ProtectClock": True,
    "ProtectControlGroups": True,
    "ProtectHostname": True,
    "ProtectKernelLogs": True,
    "ProtectKernelModules": True,
    "ProtectKernelTunables": True,
    "CapabilityBoundingSet": "",
    "RestrictRealtime": True,
    "RestrictSUIDSGID": True,
    "LockPersonality": True,
    "SystemCallArchitectures": "native",
    "UMask": "0077",
}

STRICT: dict[str, Value] = {
    **RELAXED,
    "ProtectSystem": "strict",
    "AmbientCapabilities": "",
    "DevicePolicy": "closed",
    "KeyringMode": "private",
    # Refuses memory that is writable and executable: what JIT compilers, and some C libraries, ask for.
    "MemoryDenyWriteExecute": True,
    "PrivateDevices": True,
    "PrivateUsers": True,
    "ProcSubset": "pid",
    "ProtectProc": "invisible",
    "RemoveIPC": True,
    "RestrictAddressFamilies": ["AF_UNIX", "AF_INET", "AF_INET6"],
    "RestrictNamespaces": True,
    # What a service needs, less what changes the machine or its own limits; the rest fails softly.
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
    "SystemCallErrorNumber": "EPERM",
}

LEVELS: dict[str, dict[str, Value]] = {"strict": STRICT, "relaxed": RELAXED}
# systemd reads each line of these as one more step: what is allowed, then what is taken away.
STEPWISE = ("SystemCallFilter",)


def sandbox(level: str, overrides: Mapping[str, Value] | None = None) -> list[str]:
    """Return the directives of a sandbox as ``Key=value`` lines, ordered by key.

    :param level: ``strict`` or ``relaxed``.
    :param overrides: directives that replace the level's: a boolean, a number, text, a list (joined by
        blanks), or None to leave the directive out. Directives that the level does not have are added.
    :raises ValueError: there is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"{level!r} is no sandbox; use {' or '.join(LEVELS)}")
    directives = {**LEVELS[level], **(overrides or {})}
    return [line for key in sorted(directives) for line in _lines(key, directives[key])]


def _lines(key: str, value: Value) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return [f"{key}={'yes' if value else 'no'}"]
    if isinstance(value, list):
        return [f"{key}={item}" for item in value] if key in STEPWISE else [f"{key}={' '.join(value)}"]
    return [f"{key}={value}"]
