# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wrong with the value of a variable, by the argument spec of its role.

Strict where the roles use a value as it was written: a text is no list, and a list is no text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .names import shown
from .problems import Problem, did_you_mean

# What an operator would write, by the type of the spec.
KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping",
    "str": "text",
    "path": "a path",
}
ELEMENTS = {"str": "texts", "int": "whole numbers", "dict": "mappings"}
_CONTAINERS = (Mapping, Sequence)


def misshapen(name: str, value: object, option: Mapping[str, Any]) -> list[Problem]:
    """Return why a value cannot be what its spec says, in ways that Ansible's own validation lets pass.

    :param option: the option of the argument spec.
    """
    kind = str(option.get("type", "str"))
    if value is None:
        return [] if option.get("default") is None else [_wrong(name, value, option, "it is empty")]
    text = isinstance(value, str)
    container = isinstance(value, _CONTAINERS) and not text
    fits = {
        "list": isinstance(value, Sequence) and not text,
        "dict": isinstance(value, Mapping),
        "int": not isinstance(value, bool) and not container,
        "float": not isinstance(value, bool) and not container,
    }.get(kind, not container or kind == "raw")
    return [] if fits else [_wrong(name, value, option, f"not {kind_of(option)}")]


def refused(name: str, value: object, option: Mapping[str, Any], said: str) -> Problem:
    """Return what Ansible's validation said of a value, as a line that an operator can act on.

    :param said: its message, for what the spec alone does not tell, such as a wrong key inside a mapping.
    """
    choices = option.get("choices")
    if choices and value not in choices:
        cased = next((choice for choice in choices if str(choice).lower() == str(value).lower()), value)
        return Problem(name, shown(name, value), "not one of its choices", did_you_mean(cased, choices))
    if option.get("options"):
        fix = f"write it as {kind_of(option)} of the documented keys"
        return Problem(name, shown(name, value), said, fix)
    return _wrong(name, value, option, f"not {kind_of(option)}")


def kind_of(option: Mapping[str, Any]) -> str:
    """Return in words what a spec asks for."""
    kind = KINDS.get(str(option.get("type", "str")), "a value")
    elements = ELEMENTS.get(str(option.get("elements")), "")
    return f"{kind} of {elements}" if elements else kind


def _wrong(name: str, value: object, option: Mapping[str, Any], what: str) -> Problem:
    default = option.get("default")
    example = f", such as its default {default!r}" if default not in (None, "") else ""
    return Problem(name, shown(name, value), what, f"set it to {kind_of(option)}{example}")
