# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Texts of an inventory that would be more than a text where they are written: a line, an option.

What can be escaped is escaped where it is written. Here is what no escape helps, or what nobody means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from ansible_collections.celeryops.systemd.plugins.module_utils.artifact import RELEASE

from ..plan import spec
from .names import shown
from .problems import Problem

# Texts of several lines: certificates, and what is written as JSON or as an escaped environment variable.
SEVERAL_LINES = frozenset(
    (
        "broker_tls_ca",
        "broker_tls_certificate",
        "broker_tls_key",
        "celery_app_environment",
        "celery_app_settings",
        "celery_beat_environment",
        "celery_beat_schedules",
        "flower_settings",
        "rollout_smoke_args",
        "rollout_smoke_kwargs",
    )
)
# No file in UTF-8, no argument and no environment variable can hold these.
_NOWHERE = re.compile(r"[\x00\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_PATH = r"(/(?!\.\.?(/|$))[\w.+@~-]+)+/?"
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?")
_LONGEST_NAME = 253


def is_address(text: str) -> bool:
    """Tell whether it is the name of a host, an IP address, or every address in one of Redis's spellings."""
    if text in ("*", "::*") or (_HOST.fullmatch(text) and len(text) <= _LONGEST_NAME):
        return True
    try:
        return bool(ip_address(text.strip("[]")))
    except ValueError:
        return False


def _is_bound(text: str) -> bool:
    return is_address(text.removeprefix("-"))  # Redis's mark of one that may be missing


def _is_url(text: str) -> bool:
    try:
        return bool(urlsplit(text))
    except ValueError:  # what looks like an address of IPv6 and is none
        return False


def _are_urls(text: str) -> bool:
    """Tell whether it is a URL, or several of one broker with ``;`` between them."""
    several = text.split(";")
    return all(_is_url(one) and ("://" in one or len(several) == 1) for one in several)


def _is(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text) is not None


_URL = (_is_url, "a URL, as redis://host:6379/1")
_URLS = (_are_urls, "a URL, as redis://host:6379/0, or several with ; between them")
_USER = (_is(r"[A-Za-z_][A-Za-z0-9_.-]{0,30}"), "a name of letters, digits and _.- for a system user")
_PLACE = (_is(_PATH), "an absolute path of letters, digits and _.+@~-")
_REQUIREMENT = (
    _is(r"[A-Za-z0-9./~].*"),
    "a requirement, its name first; options go into celery_app_pip_arguments",
)
# What a text of these variables, or of the lists that they hold, has to look like where it is not empty.
WORDS: dict[str, tuple[Callable[[str], bool], str]] = {
    "broker_address": (is_address, "a host name or an IP address"),
    "broker_bind": (_is_bound, "an IP address"),
    "broker_rabbitmq_cookie": (_is(r"[!-~]{1,255}"), "ASCII without spaces, of at most 255 characters"),
    "broker_url": _URLS,
    "celery_app_broker_url": _URLS,
    "celery_app_directory": _PLACE,
    "celery_app_group": _USER,
    "celery_app_packages": _REQUIREMENT,
    "celery_app_pip_arguments": (_is(r"[^\s\"'\\]+"), "one argument, as --index-url=https://pypi.example.org/simple"),
    "celery_app_python": (_is(rf"{_PATH}|[A-Za-z0-9][\w.-]*"), "the name of a program, or its absolute path"),
    "celery_app_release": (_is(RELEASE.pattern), "letters, digits and ._- for the name of a directory"),
    "celery_app_result_backend": _URL,
    "celery_app_user": _USER,
    "celery_app_virtualenv": _PLACE,
    "celery_beat_directory": _PLACE,
    "celery_beat_group": _USER,
    "celery_beat_user": _USER,
    "celery_beat_virtualenv": _PLACE,
    "celery_host_group": _USER,
    "celery_host_packages": (_is(r"[A-Za-z0-9][\w.+:~=*-]*"), "the name of a package"),
    "celery_host_user": _USER,
    "celery_worker_directory": _PLACE,
    "celery_worker_group": _USER,
    "celery_worker_user": _USER,
    "celery_worker_virtualenv": _PLACE,
    "flower_address": (is_address, "a host name or an IP address"),
    "flower_broker_url": _URLS,
    "flower_packages": _REQUIREMENT,
    "flower_result_backend": _URL,
    "flower_url_prefix": (_is(r"[\w./~-]+"), "a path of letters, digits and _./~-"),
    "logrotate_group": _USER,
    "logrotate_user": _USER,
}  # fmt: skip


def problems(name: str, value: object) -> list[Problem]:
    """Return what of a variable's texts cannot be written as it is.

    :param value: of the type that its argument spec says.
    """
    found = [problem for path, text in _texts(name, value) for problem in _characters(name, path, text)]
    if found or name not in WORDS:
        return found
    fits, wanted = WORDS[name]
    return [
        Problem(
            path,
            _shown(name, path, text),
            "it would not be one word where it is written",
            f"set it to {wanted}",
        )
        for path, text in _texts(name, value)
        if text and not fits(text)
    ]


def _shown(name: str, path: str, text: str) -> object:
    """Return a text as a message may show it, by its variable and by the key that it has within."""
    return "(hidden)" if spec.is_hidden(path) else shown(f"{name} {path.rpartition('.')[2]}", text)


def _texts(path: str, value: object) -> Iterator[tuple[str, str]]:
    """Return each text of a value, keys of mappings too, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from ((path, key),) if isinstance(key, str) else ()
            yield from _texts(f"{path}.{key}", part)
    elif isinstance(value, Sequence):
        for number, part in enumerate(value):
            yield from _texts(f"{path}.{number}", part)


def _characters(name: str, path: str, text: str) -> list[Problem]:
    """Return why a text holds a character that it cannot, as a line break of a template of YAML."""
    lines = name in SEVERAL_LINES or spec.is_hidden(path)
    match = (_NOWHERE if lines else _CONTROL).search(text) or _NOWHERE.search(text)
    if not match:
        return []
    what = f"it holds the character {match[0]!a} at {match.start() + 1}"
    value, fix = _shown(name, path, text), "remove it"
    if match[0] == "\n" and match.end() == len(text):
        what, fix = f"{what}, its end", "write it without a line break, as `>-` does"
    return [Problem(path, value, what, fix)]
