# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The words before a program that a play runs on a host and that is not root's: systemd-run, with a sandbox.

Code of the app runs behind the fences of the units that run it; what builds a package, behind its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.celeryops.systemd.plugins.module_utils import layout

from ..sandbox import sandbox

BUILD_USER = "celery-build"
CACHE = "/var/cache/celery-build"
# What no build needs to see, by its permissions or not; a minus sign where a host may lack it.
HIDDEN = (
    f"-{layout.CONFIG}", "-/etc/celery-redis", "-/etc/celery-rabbitmq", "-/etc/redis", "-/etc/rabbitmq",
    "-/var/lib", "-/var/log", "-/var/mail", "-/var/spool", "-/var/backups", "-/srv",
)  # fmt: skip


def launcher(user: str, group: str, lines: Iterable[str], description: str) -> list[str]:
    """Return the words of systemd-run that come before a program, which keeps its streams and its exit code.

    :param lines: directives of the unit, as ``Key=value``.
    :param description: what the journal calls it; else it is the whole command.
    """
    properties = [f"--property={line}" for line in lines]
    return [
        *("systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--description={description}"),
        *(f"--uid={user}", f"--gid={group}", *properties, "--"),
    ]


def builder(purpose: str) -> dict[str, Any]:
    """Return who builds packages, as module_utils/builder.py takes it.

    The sandbox is that of a worker without overrides, and the network is open: pip needs its index.

    :param purpose: what for, such as ``app``; each has a cache of its own, which the others do not write.
    """
    cache = f"{CACHE}/{purpose}"
    lines = [
        *sandbox("strict", {
            "InaccessiblePaths": list(HIDDEN),
            "PrivateIPC": True,
            "ReadWritePaths": "{directory}",
            # What is built is for others to read.
            "UMask": "0022",
        }),
        f"CacheDirectory={cache.removeprefix('/var/cache/')}",
        "CacheDirectoryMode=0700",
        # Not /tmp, which is memory on some hosts. No home that lasts: pip's settings in it would, too.
        f"Environment=HOME=/var/tmp TMPDIR=/var/tmp PIP_CACHE_DIR={cache}",
        "EnvironmentFile={environment}",
    ]  # fmt: skip
    command = launcher(BUILD_USER, BUILD_USER, lines, f"Build packages: {purpose}")
    return {"user": BUILD_USER, "command": command}
