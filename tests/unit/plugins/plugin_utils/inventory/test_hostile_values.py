# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whatever an inventory sets: preflight refuses it, or it arrives as it is, and nothing else does."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest
from ansible_collections.celeryops.systemd.plugins.module_utils.redis_users import acl_file
from hostile import inventory, readers
from hostile.inventory import KEY, Place
from hostile.site import Site
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from reference.roles import roles

# Of each of some 160 texts, the same in each run; HOSTILE_EXAMPLES=50 for a look at many others, in minutes.
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "2"))
ALWAYS_THE_SAME = "HOSTILE_EXAMPLES" not in os.environ
PHASES = (Phase.explicit, Phase.generate)
PLACES = inventory.places()
#: What means something to somebody on the way: YAML, Jinja, systemd, a shell, Redis, RabbitMQ, pip, Python.
SIGNS = [
    "\n", "\r", "\t", "\0", "\x1b", "\x85", "\u2028", "\ud800", "\n\n[Service]\nExecStartPre=/bin/false\n",
    "\\\n", '"', "'", '" "', "\\", "\\\\", "\\n", "%", "%n", "%%", "$", "$HOME", "${HOME}", "$(id)", "`id`",
    ";", " ; ", "#", " #", "&", "|", ",", "=", ":", "@", "/", "..", "/../", "*", " ", "  ", "-", "--",
    "{{ 7 * 7 }}", "{% raw %}", "é", "☃", "𝄞", "\u202e", "x" * 10_000,
]  # fmt: skip
#: Where in the text of the place: before, behind, within, instead.
FORMS: dict[str, Callable[[str, str], str]] = {
    "behind": lambda text, sign: text + sign,
    "before": lambda text, sign: sign + text,
    "within": lambda text, sign: f"{text[: len(text) // 2]}{sign}{text[len(text) // 2 :]}",
    "instead": lambda _text, sign: sign,
}
#: What is written in the language of the file it is for, and may have several words there: a line stays one.
OF_ITS_OWN = ("broker_redis_settings", "broker_redis_users", "sandbox_overrides")
#: Modules whose texts become arguments of a command, which may be read as options.
COMMANDS = ("group", "package", "pip", "tool_venv", "user")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.end()


@pytest.fixture(scope="module")
def written(site: Site) -> dict[str, dict[str, Any]]:
    """What the tasks of each fleet do with the texts that are there."""
    found = {}
    for name in inventory.SITES:
        answer = site.ask(site=name, roles=[], tasks=[])
        assert "crash" not in answer, answer["crash"]
        assert not answer["problems"]
        found[name] = answer["tasks"]
    return found


def database(text: str) -> str:
    """The URL of the same broker with the database of results."""
    return re.sub(r"(\w+://[^/?#]*)[^?#]*", r"\1/1", text, count=1)


def role_of(name: str) -> str:
    return next((role.name for role in roles() if name in role.options), "")


def encoded(text: str) -> list[str]:
    """The text as what is written may hold it: itself, in a URL, as a hash, without a mark."""
    raw = text.encode(errors="surrogatepass")
    found = [text, quote(raw, safe=""), hashlib.sha256(raw).hexdigest()]
    return [*found, text.removeprefix("-"), database(text)]


def agrees(before: Any, now: Any, pairs: list[tuple[str, str]]) -> bool:
    """Whether one is the other with a text in the place of another, wherever that is and in whatever form.

    The order of a list does not count: a name that is another sorts elsewhere.
    """
    if isinstance(before, str) and isinstance(now, str):
        return before == now or any(old in before and before.replace(old, new) == now for old, new in pairs)
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        return agrees([*before.items()], [*now.items()], pairs)
    if isinstance(before, list | tuple) and isinstance(now, list | tuple) and len(before) == len(now):
        left = [one for one, two in zip(before, now, strict=True) if not agrees(one, two, pairs)]
        rest = [two for one, two in zip(before, now, strict=True) if not agrees(one, two, pairs)]
        return all(any(agrees(one, two, pairs) for one in left) for two in rest) and all(
            any(agrees(one, two, pairs) for two in rest) for one in left
        )
    return bool(before == now)


def read(task: Mapping[str, Any]) -> Any:
    """What a task does, as those read it to whom it writes."""
    module, said = task["module"], task["arguments"]
    if module == "managed_files":
        return [file_read(file) for file in said["files"]] + [said.get("prune")]
    if module == "redis_users":
        return [{**said, "users": sorted(readers.redis_conf(acl_file(said["users"])))}]
    if module == "command" and "stdin" in said:
        return {**said, "stdin": json.loads(said["stdin"])}
    if module == "pip":
        return {
            **said,
            "extra_args": shlex.split(said["extra_args"]),
            "virtualenv_command": shlex.split(said["virtualenv_command"]),
        }
    return json.loads(json.dumps(said))


def file_read(file: Mapping[str, Any]) -> Any:
    assert os.path.normpath(file["path"]) == file["path"]
    content = readers.read(file["path"], file["content"]) if "content" in file else None
    its = {**file, "path": file["path"].split("/")}
    return {**its, "content": plain(content)}


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def mentions(task: Mapping[str, Any], text: str) -> bool:
    said = json.dumps(task["arguments"], ensure_ascii=False)
    return any(json.dumps(one, ensure_ascii=False)[1:-1] in said for one in encoded(text))


@pytest.mark.parametrize(
    ("fleet", "place"), PLACES, ids=[".".join(map(str, place)) for _fleet, place in PLACES]
)
def test_a_hostile_text_is_refused_or_arrives_as_it_is(
    site: Site, written: dict[str, dict[str, Any]], fleet: str, place: Place
) -> None:
    text = inventory.text_at(inventory.variables(fleet), place)
    concerned = [name for name, task in written[fleet].items() if mentions(task, text)]
    owner = role_of(place[0])
    reader = lines if place[0].endswith(OF_ITS_OWN) else read

    @settings(
        max_examples=EXAMPLES, derandomize=ALWAYS_THE_SAME, phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.sampled_from(SIGNS) | st.text(min_size=1, max_size=40), st.sampled_from(sorted(FORMS)))
    @example("\n\n[Service]\nExecStartPre=/bin/false\n", "behind")
    def arrives(sign: str, form: str) -> None:
        hostile = FORMS[form](text, sign)
        if "://" in text and place[-1] != KEY and not hostile.startswith(text.partition("://")[0]):
            return  # it chooses the transport, and with it the settings
        if place[0] == "broker_bind" and hostile == "*":
            return  # every address, which the certificate has no name for
        asked = {"site": fleet, "place": place, "text": hostile}
        answer = site.ask(**asked, roles=[owner], tasks=concerned)
        if "tasks" in answer and not fits(written[fleet], answer, text, hostile, reader):
            answer |= site.ask(**asked, roles=[])  # another role may refuse it
        assert "crash" not in answer, answer["crash"]
        if not answer["problems"]:
            for name in concerned:
                same(written[fleet][name], answer["tasks"][name], text, hostile, reader)
            return
        for line in answer["problems"]:
            assert line.isprintable()
            assert re.fullmatch(r"w1: .+ = .*: .+; .+", line)

    arrives()


def fits(before: Mapping[str, Any], answer: Mapping[str, Any], text: str, hostile: str, read: Any) -> bool:
    try:
        for name, task in answer["tasks"].items():
            same(before[name], task, text, hostile, read)
    except (AssertionError, ValueError):
        return False
    return True


def lines(task: Mapping[str, Any]) -> Any:
    """What a task does, with each file as its lines."""
    said = plain(task["arguments"])
    # But one that is made by chance.
    files = [file for file in said.get("files", ()) if not file["path"].endswith("cookie.env")]
    return [{**file, "content": file.get("content", "").split("\n")} for file in files] or (
        read(task) if task["module"] == "command" else said
    )


def same(
    before: Mapping[str, Any], now: Mapping[str, Any], text: str, hostile: str, read: Any = read
) -> None:
    pairs = list(zip(encoded(text), encoded(hostile), strict=True))
    expected, found = read(before), read(now)
    assert agrees(expected, found, pairs), f"{found} is not {expected} with another text"
    if before["module"] in COMMANDS:
        assert options(now) <= options(before)


def options(task: Mapping[str, Any]) -> set[str]:
    """The options that a command would find, where none belongs; not their values, which follow a ``=``."""
    given = [value for name, value in task["arguments"].items() if name != "extra_args"]
    listed = [part for value in given for part in (value if isinstance(value, list) else [value])]
    return {str(part).partition("=")[0] for part in listed if str(part).startswith("-")}
