# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a file says to the program that reads it, by readers that share nothing with what writes it.

Sources: systemd.syntax(7), systemd.service(5) "Command lines", parse_env_file() of systemd 252;
sdssplitargs() of Redis 7; rabbitmq.com, "Configuration"; logrotate(8); sh(1) for rabbitmq-env.conf.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from typing import Any

_COMMANDS = re.compile(r"Exec\w+")
_SPECIFIER = re.compile(r"%(.?)", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+)|(\$))")
_ESCAPES = {"n": "\n", "t": "\t", "s": " ", "\\": "\\", '"': '"', "'": "'", "a": "\a", "b": "\b", "r": "\r"}


def unit(text: str) -> list[tuple[str, str, Any]]:
    """Section, directive and value of each line of a unit, its specifiers and words as systemd takes them."""
    found: list[tuple[str, str, Any]] = []
    section, joined = "", ""
    for line in text.split("\n"):
        if line.lstrip().startswith(("#", ";")):
            continue  # also between the parts of a line that goes on
        if line.endswith("\\"):
            joined += line[:-1] + " "
            continue
        whole, joined = (joined + line).strip(), ""
        if re.fullmatch(r"\[.*\]", whole):
            section = whole[1:-1]
        elif whole:
            name, _equals, value = whole.partition("=")
            found.append((section, name.strip(), _value(name.strip(), value.strip())))
    return found


def _value(name: str, value: str) -> Any:
    if _COMMANDS.fullmatch(name):
        return [_VARIABLE.sub(_named, _specified(word)) for word in words(value)]
    return (
        [_specified(word) for word in words(value)] if name.startswith("Environment") else _specified(value)
    )


def _specified(text: str) -> str:
    return _SPECIFIER.sub(lambda match: "%" if match[1] == "%" else f"<specifier {match[1]}>", text)


def _named(match: re.Match[str]) -> str:
    return "$" if match[3] else f"<variable {match[1] or match[2]}>"


def words(text: str) -> list[str]:
    """The words of a command line, as extract_first_word() of systemd cuts it."""
    found: list[str] = []
    word, quote, begun, characters = "", "", False, iter(text)
    for character in characters:
        if character == "\\":
            after = next(characters, "")
            word, begun = word + _ESCAPES.get(after, f"<escape {after}>"), True
        elif quote:
            quote, word = ("", word) if character == quote else (quote, word + character)
        elif character in "\"'":
            quote, begun = character, True
        elif character in " \t\n\r":
            found += [word] if begun or word else []
            word, begun = "", False
        else:
            word += character
    return [*found, *([word] if begun or word else []), *(["<open quote>"] if quote else [])]


def environment(text: str) -> list[tuple[str, Any]]:
    """Name and value of each variable of an EnvironmentFile=, and the words of what a unit splits."""
    found: list[tuple[str, Any]] = []
    rest = text
    while rest:
        line = re.match(r"[ \t\r\n]*(?:[#;][^\n]*(?:\n|$)|([^=\n]*)(=)?)", rest)
        assert line
        rest = rest[line.end() :]
        if not line[2]:
            assert not (line[1] or "").strip(), f"no variable: {line[1]!r}"
            continue
        value, rest = _assigned(rest)
        name = line[1].strip()
        found.append((name, READ_AGAIN.get(name, str)(value)))
    return found


def _assigned(rest: str) -> tuple[str, str]:
    value, quote, blank, place = "", "", "", 0
    while place < len(rest):
        character, after = rest[place], rest[place + 1 : place + 2]
        place += 1
        if quote == "'":
            quote, value = ("", value) if character == "'" else (quote, value + character)
        elif quote == '"':
            if character == '"':
                quote = ""
            elif character == "\\":
                place += 1
                value += after if after in ('"', "\\", "$", "`") else "" if after == "\n" else "\\" + after
            else:
                value += character
        elif character in "\n\r":
            break
        elif character in "\"'" and not value:
            quote = character
        elif character == "\\":
            place, value, blank = place + 1, value + blank + ("" if after == "\n" else after), ""
        elif character in " \t":
            blank += character
        else:
            value, blank = value + blank + character, ""
    assert not quote, "a quote stays open"
    return value, rest[place:]


def redis_conf(text: str) -> list[list[str]]:
    """The words of each line of a redis.conf, of an ACL file and of what Sentinel reads."""
    return [
        _split(line)
        for line in text.split("\n")
        if line.strip(" \t\r\n") and not line.lstrip().startswith("#")
    ]


def _split(line: str) -> list[str]:
    assert "\0" not in line, "the line ends at a NUL"
    found: list[str] = []
    rest = line.strip(" \t\r\n\v\f")
    while rest:
        word = re.match(
            r'"((?:\\.|[^"\\])*)"(?=\s|$)|\'((?:\\\'|[^\'])*)\'(?=\s|$)|([^\s"\']+)(?=\s|$)', rest
        )
        assert word, f"quotes that do not match: {rest[:80]!r}"
        found.append(word[1] if word[1] is not None else word[2] if word[2] is not None else word[3])
        rest = rest[word.end() :].lstrip()
    return found


def rabbitmq_conf(text: str) -> list[tuple[str, str]]:
    """Name and value of each line of a rabbitmq.conf; a comment ends a value."""
    found = []
    for line in re.split(r"[\r\n]", text):
        said = line.split("#", 1)[0].strip(" \t")
        if said:
            name, equals, value = said.partition("=")
            assert equals, f"no setting: {said!r}"
            found.append((name.strip(), value.strip()))
    return found


def shell(text: str) -> list[list[str]]:
    """The words of each line that sh reads, with its own signs apart."""
    found = []
    for line in text.split("\n"):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.wordchars += "$`{}=,:@%+![]^"
        lexer.commenters = "#"
        listed = list(lexer)
        assert not any(re.search(r"[$`]", word) for word in listed), f"sh replaces a part of {line!r}"
        found += [listed] if listed else []
    return found


def logrotate(text: str) -> list[list[str]]:
    """The words of each line of a rule."""
    return [line.split() for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]


def one_line(text: str) -> list[str]:
    """What is all of a file, and one line."""
    assert text.count("\n") <= 1, "several lines"
    return [text.removesuffix("\n")]


def digest(text: str) -> list[str]:
    """What stands for all of the inventory."""
    assert re.fullmatch(r"[0-9a-f]{32}\$[0-9a-f]{64}\n", text)
    return []


def made_by_chance(text: str) -> list[str]:
    """The one variable of a file whose value is another each time."""
    return [name for name, _value in environment(text)]


#: Variables that somebody reads further: a unit without braces, whose words become arguments; and Flower.
READ_AGAIN: dict[str, Callable[[str], Any]] = {"CELERY_ARGUMENTS": words, "CELERYOPS_TRANSPORT": json.loads}
#: Who reads a file, by its path.
READERS: dict[str, Callable[[str], Any]] = {
    r"/etc/systemd/system/.*\.(service|timer|slice|conf)": unit,
    r"/etc/conf\.d/celery/flower-cookie\.env": made_by_chance,
    r"/etc/conf\.d/celery/.*\.env": environment,
    r".*\.json": json.loads,
    r"/etc/celery-redis/.*\.(conf|acl)|/var/lib/redis/.*\.conf": redis_conf,
    r"/etc/rabbitmq/rabbitmq\.conf": rabbitmq_conf,
    r"/etc/rabbitmq/rabbitmq-env\.conf": shell,
    r"/etc/rabbitmq/enabled_plugins|/var/lib/rabbitmq/\.erlang\.cookie": one_line,
    r"/etc/logrotate\.d/celery": logrotate,
    r"/opt/celery/\.checked": digest,
    r".*\.(py|pem)|/opt/celery/releases/.*/\.deployed": str,
}  # fmt: skip


def read(path: str, text: str) -> Any:
    """What a file says to its reader.

    :raises AssertionError: its reader could not read it, or nobody is known to read such a file.
    """
    reader = next(
        (reader for pattern, reader in READERS.items() if re.fullmatch(pattern, path, re.DOTALL)), None
    )
    assert reader, f"{path}: nobody is known to read it; add its reader"
    return reader(text)
