# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The users of a Redis: as its ACL file has them, and as the running server has them; and the role's own.

Source: redis.io, "ACL". ``ACL LOAD`` of Redis 7.0 closes the connection of every client; ``ACL SETUSER`` with
``reset`` replaces a user in one step and closes none, so that is what is used.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ansible_collections.celeryops.systemd.plugins.module_utils import listeners
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import connected
from ansible_collections.celeryops.systemd.plugins.module_utils.resp import RedisConnection

# The role's own user, with a password that is made on the host and never leaves it (modules/redis_users.py).
ADMIN = "celeryops"
TIMEOUT = 5  # seconds
# Takes on the wanted rules for a moment, so that Redis itself says them in its own words; never logged in as.
_SCRATCH = "celeryops-compare"
_HASH = re.compile(r"#[0-9a-f]{64}")


@contextmanager
def running(url: str, user: str) -> Iterator[RedisConnection]:
    """Connect to the Redis of this host, without a login.

    :param user: that it runs as.
    :raises BrokerError: none answers there.
    :raises listeners.StrangerError: somebody else does.
    """
    with connected(url, TIMEOUT) as connection, RedisConnection(connection) as redis:
        listeners.require(connection.getpeername()[1], listeners.user_id(user))
        yield redis


def log_in(redis: RedisConnection, password: str) -> None:
    """Log in as the role's own user; RedisError when the running Redis does not know it."""
    redis.call("AUTH", ADMIN, password)


def acl_file(users: Mapping[str, str]) -> str:
    """Return the file that ``aclfile`` names."""
    return "".join(f"user {name} {rules}\n" for name, rules in sorted(users.items()))


def masked(text: str) -> str:
    """Return the text of the file without what a password could be guessed from."""
    return _HASH.sub("#***", text)


def differing(redis: RedisConnection, users: Mapping[str, str]) -> list[list[str]]:
    """Return the commands that make the users of a running Redis the wanted ones; none when they are.

    Redis shortens and reorders rules, each version in its way: like is compared with like.
    """
    now = _listed(redis)
    found = []
    try:
        for name, rules in sorted(users.items()):
            words = rules.split()
            redis.call("ACL", "SETUSER", _SCRATCH, "reset", *words, "off")
            wanted = _listed(redis)[_SCRATCH] - {"off"} | {"on" if "on" in words else "off"}
            if now.get(name) != wanted:
                found.append(["ACL", "SETUSER", name, "reset", *words])
    finally:
        redis.call("ACL", "DELUSER", _SCRATCH)
    gone = sorted(set(now) - set(users) - {_SCRATCH})
    return found + [["ACL", "DELUSER", name] for name in gone]


def _listed(redis: RedisConnection) -> dict[str, frozenset[str]]:
    """Return the words of each user's rules, by its name, without one that tells only how they were given."""
    rows = [line.split() for line in redis.rows("ACL", "LIST")]
    return {row[1]: frozenset(row[2:]) - {"sanitize-payload"} for row in rows}
