# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of the sandbox: their documentation stands beside, in <name>.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ansible_collections.celeryops.systemd.plugins.plugin_utils import given
from ansible_collections.celeryops.systemd.plugins.plugin_utils import sandbox as sandboxes


def sandbox(level: str, overrides: Mapping[str, sandboxes.Value] | None = None) -> list[str]:
    """Return the directives of the level with the operator's own; an unknown level is a ValueError."""
    given.dictionaries(overrides={} if overrides is None else overrides)
    return sandboxes.sandbox(level, overrides)


class FilterModule:
    """Names the filters."""

    def filters(self) -> dict[str, Callable[..., list[str]]]:
        """Return the filters by their names."""
        return {"sandbox": sandbox}
