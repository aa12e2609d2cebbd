# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a process that sends tasks has to set, such as a web server that is on no host of the fleet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pprint import pformat
from typing import Any
from urllib.parse import urlsplit

from .environment import environment_file

FORMATS = ("django", "dict", "environment")
CA_FILE = "/etc/ssl/celery-broker-ca.pem"
#: Celery's own, to which it sends what has no other.
DEFAULT_QUEUE = "celery"
URLS = ("broker_url", "result_backend")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# Celery's settings that a sender reads; of the rest only a worker or beat does.
_SENT = re.compile(
    r"(broker|control|event|redbeat|redis|result|security)_\w+"
    r"|task_(compression|create_missing_\w+|default_\w+|ignore_result|inherit_parent_priority|protocol"
    r"|publish_\w+|queue_\w+|queues|routes|send_sent_event|serializer)"
    r"|accept_content|enable_utc|timezone"
)
_WORKERS = re.compile(
    r"broker_(channel_error_retry|connection_retry\w*|connection_max_retries|heartbeat\w*|read_url)"
    r"|task_default_rate_limit"
    # With it a web page that asks for a result would wait for a backend that is away, for ever.
    r"|result_backend_always_retry"
)
# The fleet takes them from code that signs its messages: only what the inventory sets is told.
_CODES = ("accept_content", "result_accept_content", "result_serializer", "task_serializer")
_LOGIN = re.compile(r"(://[^:@/\s]*:)[^@\s]*@")
_WORD = re.compile(r"([?&]\w*(?:passw|secret)\w*=)[^&\s]*", re.IGNORECASE)
_SECRET = re.compile(r"passw|secret|token|cookie", re.IGNORECASE)
HIDDEN = "***"


def settings_of_sender(
    settings: Mapping[str, Any], overrides: Mapping[str, Any], urls: Mapping[str, str | None]
) -> dict[str, Any]:
    """Return the settings of a sender.

    :param settings: of the fleet's workers, by their lower-case names.
    :param overrides: ``celery_app_settings``.
    :param urls: ``broker_url`` and ``result_backend``, with login; one of None is left to the code.
    """
    told = {
        name: value
        for name, value in settings.items()
        if _SENT.fullmatch(name)
        and not _WORKERS.fullmatch(name)
        and value is not None
        and (name not in _CODES or overrides.get(name) is not None)
    }
    return {**{name: url for name, url in urls.items() if url}, **told}


def without_secrets(value: Any, name: str = "") -> Any:
    """Return a value with each password in it hidden, in a URL or by the name that it has."""
    if isinstance(value, Mapping):
        return {key: without_secrets(part, str(key)) for key, part in value.items()}
    if isinstance(value, list):
        return [without_secrets(part, name) for part in value]
    if not isinstance(value, str):
        return value
    if value and _SECRET.search(name):
        return HIDDEN
    return _WORD.sub(rf"\1{HIDDEN}", _LOGIN.sub(rf"\1{HIDDEN}@", value))


def consumed(queues: Mapping[str, Any]) -> list[str]:
    """Return the names of the broker's queues that the fleet consumes.

    :param queues: ``celery_worker_queues``.
    """
    return sorted({str(name) for key, raw in queues.items() for name in (raw or {}).get("consumes") or [key]})


def notes(settings: Mapping[str, Any], queues: Sequence[str], hides: bool) -> list[str]:
    """Return what the settings alone do not tell.

    :param queues: those that the fleet consumes.
    :param hides: whether passwords are hidden.
    """
    found = [f"The fleet consumes {', '.join(queues) or 'no queue'}."]
    default = settings.get("task_default_queue")
    if (default or DEFAULT_QUEUE) not in queues:
        where = f"{default or DEFAULT_QUEUE}, the default queue"
        unless = "" if default else " unless the app's code names another"
        found.append(f"Nobody consumes {where}{unless}: set celery_app_settings.task_default_queue.")
    if CA_FILE in json.dumps(settings):
        found.append(f"Copy {CA_FILE} from any host of the fleet to the same place.")
    if any(host in LOOPBACK for host in _hosts(str(settings.get("broker_url") or ""))):
        found.append("The broker listens on its own host alone: broker_address and broker_bind open it.")
    if hides:
        found.append("Passwords are hidden: -e sender_secrets=true shows them, -e sender_file=FILE has them.")
    return found


def _hosts(url: str) -> list[str]:
    return [urlsplit(one).hostname or "" for one in url.split(";")]


def text(settings: Mapping[str, Any], form: str, comments: Iterable[str] = ()) -> str:
    """Return the settings as a file.

    :param form: one of :data:`FORMATS`. For ``environment`` the URLs are as they are, the rest is JSON.
    """
    head = "".join(f"# {line}\n" for line in comments)
    named = {f"CELERY_{name.upper()}": value for name, value in settings.items()}
    if form == "django":
        return head + "".join(f"{name} = {_python(value)}\n" for name, value in named.items())
    if form == "dict":
        return f"{head}CELERY = {_python(dict(settings))}\n"
    plain = {f"CELERY_{name.upper()}" for name in URLS}
    return head + environment_file(
        {name: value if name in plain else json.dumps(value) for name, value in named.items()}
    )


def _python(value: Any) -> str:
    return pformat(value, width=100, sort_dicts=False)
