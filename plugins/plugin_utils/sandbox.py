# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How closely systemd confines a service, as the lines of its unit.

Sources: systemd.exec(5), systemd.resource-control(5), and the table of `systemd-analyze security`.
What each directive costs an app is in docs/how-to/sandbox.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .inventory.problems import Problem, did_you_mean

Value = str | bool | int | list[str] | None

# Where a cloud tells whoever asks on a host what that host may do: of most of them, by IPv6 of Amazon's and
# Google's, and of Alibaba's. A task that is made to fetch a URL would hand that over.
METADATA: list[str] = ["169.254.169.254/32", "fd00:ec2::254/128", "fd20:ce::254/128", "100.100.100.200/32"]

RELAXED: dict[str, Value] = {
    "AmbientCapabilities": "",
    "CapabilityBoundingSet": "",
    "IPAddressDeny": METADATA,
    "KeyringMode": "private",
    "LockPersonality": True,
    "NoNewPrivileges": True,
    "PrivateTmp": True,
    "ProtectClock": True,
    "ProtectControlGroups": True,
    "ProtectHome": "read-only",
    "ProtectHostname": True,
    "ProtectKernelLogs": True,
    "ProtectKernelModules": True,
    "ProtectKernelTunables": True,
    "ProtectSystem": "full",
    "RestrictRealtime": True,
    "RestrictSUIDSGID": True,
    "SystemCallArchitectures": "native",
    "UMask": "0077",
}

# ProcSubset=pid is not here: it would hide /proc/meminfo and /proc/stat, which tasks read through psutil.
STRICT: dict[str, Value] = {
    **RELAXED,
    "DevicePolicy": "closed",
    "MemoryDenyWriteExecute": True,
    "PrivateDevices": True,
    "PrivateMounts": True,
    "PrivateUsers": True,
    "ProtectHome": True,
    "ProtectProc": "invisible",
    "ProtectSystem": "strict",
    "RemoveIPC": True,
    "RestrictAddressFamilies": ["AF_UNIX", "AF_INET", "AF_INET6"],
    "RestrictNamespaces": True,
    "SystemCallErrorNumber": "EPERM",
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
}

LEVELS: dict[str, dict[str, Value]] = {"strict": STRICT, "relaxed": RELAXED}

# What an override may set besides. systemd ignores a directive that it does not know, so a typo would pass
# unseen.
KNOWN = frozenset(STRICT) | {
    "BindPaths", "BindReadOnlyPaths", "DeviceAllow", "ExecPaths", "InaccessiblePaths", "IPAddressAllow",
    "NoExecPaths", "PrivateIPC", "PrivateNetwork", "ProcSubset", "ReadOnlyPaths", "ReadWritePaths",
    "RestrictFileSystems", "RestrictNetworkInterfaces", "SocketBindAllow", "SocketBindDeny",
    "SupplementaryGroups", "SystemCallLog", "TemporaryFileSystem",
}  # fmt: skip
# A line break would begin another directive; a backslash at the end joins the next line to this one.
_NOT_ONE_LINE = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]|\\\s*$")


def sandbox(level: str, overrides: Mapping[str, Value] | None = None) -> list[str]:
    """Return the directives of a sandbox as ``Key=value`` lines, ordered by key.

    :param level: ``strict`` or ``relaxed``.
    :param overrides: directives that replace the level's, or come on top: a boolean, a number, text, a list
        (a line for each item), or None to leave the directive out.
    :raises ValueError: there is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"{level!r} is no sandbox; use {' or '.join(LEVELS)}")
    directives = {**LEVELS[level], **(overrides or {})}
    return [f"{key}={_text(one)}" for key in sorted(directives) for one in _items(directives[key])]


def sandbox_problems(role: str, level: object, overrides: object) -> list[Problem]:
    """Return what is wrong with the sandbox that a role is asked for.

    :param role: the role, whose variables are named after it.
    """
    problems = []
    if str(level) not in LEVELS:
        problems.append(Problem(f"{role}_sandbox", level, "unknown sandbox", did_you_mean(level, LEVELS)))
    variable = f"{role}_sandbox_overrides"
    if not isinstance(overrides, Mapping):
        fix = "write it as {PrivateDevices: false}"
        return [*problems, Problem(variable, overrides, "not a mapping of directives", fix)]
    for key, value in overrides.items():
        if key not in KNOWN:
            what = "not a directive of the sandbox, and systemd would ignore it"
            problems.append(Problem(f"{variable}.{key}", value, what, did_you_mean(key, KNOWN)))
        elif isinstance(value, Mapping) or any(_NOT_ONE_LINE.search(_text(one)) for one in _items(value)):
            fix = "use true, false, a text, a list of texts, or null for systemd's own default"
            problems.append(Problem(f"{variable}.{key}", value, "not a value of a directive", fix))
    return problems


def _items(value: Value) -> list[str | bool | int]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _text(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
