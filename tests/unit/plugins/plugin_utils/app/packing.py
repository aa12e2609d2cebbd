# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Packs an app as the action app_artifact does."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.celeryops.systemd.plugins.plugin_utils.app.pack import ARGUMENTS, pack


def packed_as(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what the action says of such arguments."""
    validated = ArgumentSpecValidator(ARGUMENTS).validate(asked)
    assert not validated.error_messages
    return pack(validated.validated_parameters)
