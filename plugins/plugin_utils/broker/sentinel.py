# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Redis on several hosts: one is the primary, the others copy it, and Sentinels beside them elect another.

Source: redis.io, "High availability with Redis Sentinel".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ..inventory.problems import Problem

SCHEME = "sentinel"
PORT = 26379
# What the Sentinels call the primary, whichever host it is on.
NAME = "celery"
# A Sentinel holds a few names and its clients.
MEMORY_MB = 32
LEAST_HOSTS = 3
# Seconds for a Sentinel's answer, before another one is asked.
ANSWER_SECONDS = 1

# Both write them down without quotes.
_PASSWORD = re.compile(r"[A-Za-z0-9_.~+/=@%:,!*^-]+")


def problems(hosts: Sequence[str], password: str) -> list[Problem]:
    """Return why a Redis cannot be on all of ``hosts``.

    :param hosts: Those of the group of the broker; one alone needs no Sentinel.
    :param password: ``broker_replica_password``.
    """
    if len(hosts) < 2:
        return []
    found = []
    if len(hosts) % 2 == 0:
        what = f"a majority of {len(hosts)} outlives the loss of no more hosts than one of {len(hosts) - 1}"
        if len(hosts) < LEAST_HOSTS:
            what = "when one of two hosts is gone, the other alone is no majority and can take over nothing"
        fix = f"put {max(len(hosts) - 1, LEAST_HOSTS)} hosts in it, or 1"
        found.append(Problem("group celery_broker", list(hosts), what, fix))
    if not password or re.fullmatch(r"your_\w+_here", password):
        what = "the hosts of one Redis log in to each other with it"
        fix = "make one (openssl rand -hex 24) and keep it with ansible-vault"
        found.append(Problem("broker_replica_password", password and "(hidden)", what, fix))
    elif not _PASSWORD.fullmatch(password):
        what = "a character that Sentinel cannot write down"
        fix = "make one with openssl rand -hex 24"
        found.append(Problem("broker_replica_password", "(hidden)", what, fix))
    return found


def quorum(hosts: int) -> int:
    """Return how many Sentinels have to miss the primary before one of them is elected to replace it."""
    return hosts // 2 + 1


def primary(places: Mapping[str, str], states: Mapping[str, Mapping[str, Any]]) -> str:
    """Return where the primary is, for hosts that do not know it yet.

    What the Sentinels agreed on counts, the last agreement first. Where there is none yet, the host that has
    been the broker until now; where there is none either, the first.

    :param places: The address of each host of the group, in the inventory's order.
    :param states: What each host has on its disk, see ``host.redis_state``; who was not asked is missing.
    :raises ValueError: It cannot be told, and a guess could cost the queues.
    """
    agreed = [(int(state["epoch"]), str(state["primary"])) for state in states.values() if state["primary"]]
    if agreed:
        return max(agreed)[1]
    if unasked := [host for host in places if host not in states]:
        raise ValueError(
            Problem(
                "group celery_broker",
                list(places),
                f"{', '.join(unasked)} could be the host that has the queues, and is not in this play",
                "play all of them the first time",
            ).text(unasked[0])
        )
    holders = [host for host in places if states[host]["data"]]
    if len(holders) > 1:
        raise ValueError(
            Problem(
                "group celery_broker",
                list(places),
                f"{' and '.join(holders)} have each been a broker, and only one's queues can stay",
                "move /var/lib/redis/celery away on the others",
            ).text(holders[0])
        )
    return places[(holders or list(places))[0]]


def url(places: Sequence[str], words: str = "") -> str:
    """Return the URL of a Redis behind Sentinels, without a login.

    :param places: The Sentinels' addresses.
    :param words: What follows the database of each, ``?ssl_cert_reqs=required`` say.
    """
    wrapped = (f"[{place}]" if ":" in place and not place.startswith("[") else place for place in places)
    return ";".join(f"{SCHEME}://{place}:{PORT}/0{words}" for place in wrapped)


def is_url(url: str | None) -> bool:
    """Tell whether this names Sentinels."""
    return (url or "").startswith(f"{SCHEME}://")


def with_database(url: str, database: int) -> str:
    """Return the URL with another database."""
    return ";".join(urlsplit(each)._replace(path=f"/{database}").geturl() for each in url.split(";"))


def tls(url: str) -> dict[str, str | bool]:
    """Return the ``ssl_*`` words of the URL; a name in a certificate is checked unless they say not to."""
    said = dict(parse_qsl(urlsplit(url.partition(";")[0]).query))
    words: dict[str, str | bool] = {name: word for name, word in said.items() if name.startswith("ssl_")}
    if words and str(words.get("ssl_cert_reqs", "")).lower().removeprefix("cert_") != "none":
        words["ssl_check_hostname"] = said.get("ssl_check_hostname", "").lower() != "false"
    return words


def options(url: str, name: str, user: str, password: str) -> dict[str, Any]:
    """Return the transport options by which a client finds the primary; empty where it needs none.

    :param url: The broker's, or the result backend's.
    :param name: What the Sentinels call the primary.
    :param user: Who logs in to the Sentinels; empty where they know no users.
    :param password: Of that user; empty where nobody logs in.
    """
    if not is_url(url):
        return {}
    given = {"username": user, "password": password} if password else {}
    login = {word: value for word, value in given.items() if value}
    # Without this null redis-py 8 asks a Sentinel that is gone eleven times.
    patience = {
        "socket_timeout": ANSWER_SECONDS,
        "socket_connect_timeout": ANSWER_SECONDS,
        "retry": None,
    }
    encryption: dict[str, Any] = {"ssl": True, **tls(url)} if tls(url) else {}
    return {"master_name": name, "sentinel_kwargs": {**login, **patience, **encryption}}
