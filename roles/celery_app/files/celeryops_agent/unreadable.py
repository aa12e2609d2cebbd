# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What is wrong with a message that no task can be made of, told before Celery stumbles over it.

Celery reads most of a message late, and some of what it cannot read ends its main process
(celery/worker/request.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kombu.exceptions import KombuError

#: Content type of what kombu itself could not read as a message.
UNREADABLE = "application/x-celeryops-unreadable"

#: Fields of a task that Celery reads as text.
TEXTS = (
    "lang", "id", "root_id", "parent_id", "group", "shadow", "argsrepr", "kwargsrepr", "origin",
    "compression", "correlation_id", "reply_to",
)  # fmt: skip

#: Those that may be numbers: a moment.
MOMENTS = ("eta", "expires")

NUMBERS = ("retries", "group_index", "replaced_task_nesting")


def why_unreadable(message: Any) -> str:
    """Return why no task can be made of the message; empty when one can, as far as its shape tells.

    :param message: a kombu message. Its body is decoded here, as Celery would a moment later.
    """
    if message.content_type == UNREADABLE:
        return str(message.headers.get("why", "not a message"))
    headers = message.headers
    if not isinstance(headers, Mapping):
        return "its headers are no mapping"
    try:
        payload = message.payload
    except (Exception, KombuError) as exc:
        return f"its body cannot be read: {type(exc).__name__}: {exc}"
    return _protocol_2(headers, payload) if "task" in headers else _protocol_1(payload)


def _protocol_2(headers: Mapping[str, Any], payload: Any) -> str:
    if isinstance(payload, Mapping):  # a task of protocol 1 with headers beside: Celery reads those of both
        return _protocol_1(payload) if "args" in payload else "its body is a mapping and no task"
    if not isinstance(payload, Sequence) or isinstance(payload, str | bytes) or len(payload) != 3:
        return "its body is not a list of arguments, named arguments and options"
    args, kwargs, embed = payload
    return _fields(headers) or _arguments(args, kwargs) or _embedded(embed)


def _protocol_1(payload: Any) -> str:
    if not isinstance(payload, Mapping) or not {"task", "id"} <= payload.keys():
        return "it names no task, neither in its headers nor in its body"
    args, kwargs = payload.get("args", ()), payload.get("kwargs", {})
    return _fields(payload) or _arguments(args, kwargs) or _embedded(payload)


def _fields(fields: Mapping[str, Any]) -> str:
    if not isinstance(fields.get("task"), str):
        return "the name of its task is no text"
    if not isinstance(fields.get("id"), str):
        return "its id is no text"
    for names, kinds, wanted in _WANTED:
        for name in names:
            value = fields.get(name)
            if value is not None and not isinstance(value, kinds):
                return f"its {name} is no {wanted}"
    limits = fields.get("timelimit")
    if limits is not None and not _is_pair_of_numbers(limits):
        return "its time limits are no pair of numbers"
    stamped = fields.get("stamped_headers")
    if stamped is not None and not _are_texts(stamped):
        return "its stamped_headers are no list of texts"
    return ""


#: Names of fields, what they may be, and what they are if not. One of another kind ends the thread or the
#: callback that meets it, and the slot of the pool is not free again.
_WANTED: tuple[tuple[tuple[str, ...], tuple[type, ...], str], ...] = (
    (TEXTS, (str,), "text"),
    (MOMENTS, (str, int, float), "moment"),
    (NUMBERS, (int,), "number"),
    (("stamps", "headers"), (Mapping,), "mapping"),
)


def _are_texts(value: Any) -> bool:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return False
    return all(isinstance(each, str) for each in value)


def _is_pair_of_numbers(value: Any) -> bool:
    pair = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
    return pair and all(each is None or (isinstance(each, int | float)) for each in value)


def _arguments(args: Any, kwargs: Any) -> str:
    if not isinstance(args, Sequence) or isinstance(args, str | bytes):
        return "its arguments are no list"
    if not isinstance(kwargs, Mapping):
        return "its named arguments are no mapping"
    return ""


def _embedded(embed: Any) -> str:
    """What follows the task: callbacks, errbacks, the rest of a chain, a chord."""
    if embed is None:
        return ""
    if not isinstance(embed, Mapping):
        return "its options are no mapping"
    for name in ("callbacks", "errbacks", "chain"):
        value = embed.get(name)
        if value and not (isinstance(value, Sequence) and all(_is_signature(each) for each in value)):
            return f"its {name} are no list of tasks"
    chord = embed.get("chord")
    return "" if not chord or _is_signature(chord) else "its chord is no task"


def _is_signature(value: Any) -> bool:
    if not isinstance(value, Mapping) or not isinstance(value.get("task"), str):
        return False
    options = value.get("options", {})
    return not _arguments(value.get("args", ()), value.get("kwargs", {})) and isinstance(options, Mapping)
