# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the roles ask managed_files to put on a host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def package_files(source: str, destination: str) -> list[dict[str, str]]:
    """Return an entry of managed_files for each module of a Python package, owned by root.

    :param source: the package's directory on the controller.
    :param destination: its directory on the host.
    """
    root = Path(source)
    return [
        {
            "path": f"{destination}/{path.relative_to(root)}",
            "content": path.read_text(encoding="utf-8"),
            "mode": "0644",
            "owner": "root",
            "group": "root",
        }
        for path in sorted(root.rglob("*.py"))
    ]


def kept_releases(releases: Sequence[str], wanted: str, current: str, keep: int) -> list[str]:
    """Return the releases that stay on a host: the wanted, the current, and the newest up to ``keep``.

    :param releases: the complete releases, newest first.
    :param current: the release that ran until now; empty when none did.
    :param keep: how many to keep; the wanted and the current one stay in any case.
    """
    first = [name for name in dict.fromkeys((wanted, current)) if name]
    others = [name for name in releases if name not in first]
    return [*first, *others[: max(0, keep - len(first))]]
