# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Each kind of malformed message, as it lies in a queue of a Redis, and as it is published to RabbitMQ."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

#: What changes a good message into a malformed one: it gets the parts, and may put anything in their place.
Change = Callable[[dict[str, Any]], Any]


def good(task: str, args: list[Any]) -> dict[str, Any]:
    """The parts of a message of protocol 2: body (not encoded), headers, content type and encoding."""
    identity = str(uuid.uuid4())
    return {
        "body": [args, {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}],
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {
            "lang": "py", "task": task, "id": identity, "root_id": identity, "parent_id": None, "group": None,
            "retries": 0, "timelimit": [None, None], "eta": None, "expires": None,
        },
    }  # fmt: skip


def good_of_protocol_1(task: str, args: list[Any]) -> dict[str, Any]:
    """The parts of a message of protocol 1, as an old client sends it: all is in its body."""
    body = {"task": task, "id": str(uuid.uuid4()), "args": args, "kwargs": {}, "retries": 0, "eta": None}
    return {**good(task, args), "headers": {}, "body": body}


def _body(value: Any) -> Change:
    return lambda parts: {**parts, "body": value}


def _header(**values: Any) -> Change:
    return lambda parts: {**parts, "headers": {**parts["headers"], **values}}


def _without(name: str) -> Change:
    return lambda parts: {**parts, "headers": {k: v for k, v in parts["headers"].items() if k != name}}


def _part(**values: Any) -> Change:
    return lambda parts: {**parts, **{name.replace("_", "-"): value for name, value in values.items()}}


def _deep() -> Any:
    value: Any = []
    for _depth in range(500):
        value = [value]
    return value


#: Kinds that every broker can carry.
KINDS: Mapping[str, Change] = {
    "a body of one number": _body([1]),
    "a body that is a mapping": _body({"a": 1}),
    "a body of null": _body(None),
    "a body that is text": _body("text"),
    "arguments that are no list": _body(["x", {}, {}]),
    "named arguments that are no mapping": _body([[], [], {}]),
    "options that are no mapping": _body([[], {}, [1]]),
    "callbacks that are no tasks": _body([[], {}, {"callbacks": [1], "errbacks": [2]}]),
    "a chord that is no task": _body([[], {}, {"chord": "x"}]),
    "a chain whose options are none": _body([[], {}, {"chain": [{"task": "x", "options": None}]}]),
    "a deep body": _body(_deep()),
    "an unknown task": _header(task="nobody.knows"),
    "a task that is no text": _header(task=["parcels.send"]),
    "no task": _without("task"),
    "no id": _without("id"),
    "an id that is no text": _header(id={"a": 1}),
    "a time that is none": _header(eta="yesterday-ish"),
    "an end that is none": _header(expires={"a": 1}),
    "limits that are none": _header(timelimit="soon"),
    "retries that are none": _header(retries="many"),
    "stamped headers that are none": _header(stamped_headers=1.5),
    "another name that is no text": _header(shadow={"a": 1}),
    "an unknown compression": _header(compression="x-nobody"),
    "an unknown content type": _part(content_type="application/x-nobody"),
    "an unknown encoding": _part(content_type="text/plain", content_encoding="x-nobody"),
    "pickle": _part(content_type="application/x-python-serialize"),
    "protocol 1 without arguments' list": lambda parts: {
        **parts, "headers": {}, "body": {"task": "parcels.send", "id": "x", "args": 3, "kwargs": {}},
    },
    "protocol 1 without an id": lambda parts: {**parts, "headers": {}, "body": {"task": "parcels.send"}},
}  # fmt: skip

_PROPERTIES = {
    "delivery_tag": "t",
    "delivery_info": {"exchange": "", "routing_key": "q"},
    "body_encoding": "base64",
}


def _raw(**parts: Any) -> str:
    return json.dumps({"body": "W10=", "headers": {"task": "x"}, "properties": _PROPERTIES, **parts})


#: Kinds that only a Redis can hold, where a message is text that anybody may write.
RAW: Mapping[str, str] = {
    "no JSON": "this is no JSON",
    "a deep JSON": "[" * 100_000,
    "half of a JSON": '{"body": "W10=", "headers": {',
    "a list": "[1]",
    "a number": "7",
    "an empty mapping": "{}",
    "no properties": '{"body": "W10=", "headers": {}}',
    "headers that are a list": _raw(headers=[1]),
    "broken base64": _raw(body="W10"),
    "a body that is a number": _raw(body=7),
    "an unknown body encoding": _raw(properties={**_PROPERTIES, "body_encoding": "rot13"}),
    "a delivery tag that is no text": _raw(properties={**_PROPERTIES, "delivery_tag": [1]}),
    "nowhere sent to": _raw(properties={**_PROPERTIES, "delivery_info": "q"}),
}


def for_redis(parts: Mapping[str, Any], queue: str) -> str:
    """The text of a message in a queue of kombu's Redis transport."""
    body = json.dumps(parts["body"]).encode()
    return json.dumps(
        {
            **parts,
            "body": base64.b64encode(body).decode(),
            "properties": {
                "delivery_mode": 2,
                "delivery_tag": str(uuid.uuid4()),
                "delivery_info": {"exchange": "", "routing_key": queue},
                "body_encoding": "base64",
                "priority": 0,
            },
        }
    )


def all_for_redis(task: str, queue: str) -> dict[str, str]:
    """One message of each kind, by the name of the kind."""
    malformed = {kind: for_redis(change(good(task, [kind])), queue) for kind, change in KINDS.items()}
    return {**malformed, **RAW}
