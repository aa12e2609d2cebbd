# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An app that signs its messages goes on to sign them: the inventory's settings take no signature away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Celery's name of the serializer that signs, and refuses what is not signed (celery.security).
AUTH = "auth"

#: The settings that say how messages are written and which are read, each with its safe value: that of who
#: did not sign.
SAFE: Mapping[str, Any] = {"task_serializer": "json", "result_serializer": "json", "accept_content": ["json"]}


class UnsignedError(ValueError):
    """A setting of the inventory would take away a signature that the app's code asks for."""


def without_unsigning(conf: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings to lay over, the code's own where it is the stricter one.

    :param conf: the app's configuration as the code has it.
    :param settings: the inventory's.
    :raises UnsignedError: neither is stricter: to lay it over would undo what the code asks for.
    """
    return {name: _stricter(name, getattr(conf, name), value) if name in SAFE else value
            for name, value in settings.items()}  # fmt: skip


def _stricter(name: str, code: Any, asked: Any) -> Any:
    signed, wanted = _names(code), _names(asked)
    if AUTH not in signed or wanted in (signed, {AUTH}):
        return asked
    if signed == {AUTH} and asked == SAFE[name]:
        return list(code) if isinstance(asked, list) else code
    fix = f"set it to null to leave it to the code, or to {'[auth]' if isinstance(asked, list) else AUTH}"
    raise UnsignedError(
        f"celery_app_settings.{name} = {asked}: the app's code signs its messages ({name} = {code}), and "
        f"this would take the signature away; {fix}"
    )


def _names(value: Any) -> set[Any]:
    return {value} if isinstance(value, str) or value is None else set(value)
