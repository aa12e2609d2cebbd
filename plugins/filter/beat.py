# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filters of beat: their documentation stands beside, in <name>.yml."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.celeryops.systemd.plugins.plugin_utils import given
from ansible_collections.celeryops.systemd.plugins.plugin_utils.beat import options


def beat_document(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document."""
    given.dictionaries(asked=asked)
    return options.document(options.Asked(**asked))


class FilterModule:
    """Names the filters."""

    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        """Return the filters by their names."""
        return {"beat_document": beat_document}
