# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the agent tells of a message before Celery reads it: always something, never an exception."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from celeryops_agent.unreadable import UNREADABLE, why_unreadable
from hostile.messages import KINDS, good
from hypothesis import given
from hypothesis import strategies as st

#: Kinds that Celery itself refuses, by what only the app or its settings know, or kombu by its registry.
LEFT_TO_CELERY = {"an unknown task", "a time that is none", "an unknown compression"}

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def message(parts: dict[str, Any]) -> Any:
    """A message as kombu hands it over, whose body it can decode."""
    return SimpleNamespace(
        content_type=parts["content-type"], headers=parts["headers"], payload=parts["body"]
    )


def test_a_good_one_passes() -> None:
    assert why_unreadable(message(good("parcels.send", [1]))) == ""
    first: dict[str, Any] = {"task": "a", "id": "1", "args": [1], "kwargs": {}, "eta": None, "retries": 0}
    assert why_unreadable(message({**good("a", []), "headers": {}, "body": first})) == ""
    chain = [[], {}, {"chain": [{"task": "b", "args": []}], "callbacks": None, "chord": {"task": "c"}}]
    assert why_unreadable(message({**good("a", []), "body": chain})) == ""


def test_each_kind_is_told() -> None:
    for kind, change in KINDS.items():
        parts = change(good("parcels.send", []))
        if parts["content-type"] == "application/json" and kind not in LEFT_TO_CELERY:
            assert why_unreadable(message(parts)), kind


def test_what_kombu_could_not_read_comes_with_its_reason() -> None:
    parts = {"content-type": UNREADABLE, "headers": {"why": "it is no JSON"}, "body": "x"}
    assert why_unreadable(message(parts)) == "it is no JSON"


@given(ANYTHING, ANYTHING)
def test_whatever_comes_is_told_and_raises_nothing(headers: Any, body: Any) -> None:
    assert isinstance(
        why_unreadable(message({"content-type": "application/json", "headers": headers, "body": body})), str
    )


@given(st.dictionaries(st.sampled_from(sorted(good("a", [])["headers"])), ANYTHING), ANYTHING)
def test_any_field_of_any_shape(headers: dict[str, Any], embed: Any) -> None:
    parts = good("a", [])
    parts["headers"] |= headers
    parts["body"][2] = embed
    assert isinstance(why_unreadable(message(parts)), str)
    assert json.dumps(parts["headers"])
