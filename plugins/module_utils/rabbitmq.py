# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The users, rights, policies and dead letters of a RabbitMQ, through its management API on loopback.

Source: rabbitmq.com, "Management HTTP API" and "Credentials and Passwords" (the salted hash).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ansible_collections.celeryops.systemd.plugins.module_utils import listeners

# The role's own user; its password follows from the Erlang cookie.
ADMIN = "celeryops"
SALT = 4  # bytes
# Before this a policy with the key is refused.
SINCE = {"consumer-timeout": (3, 12)}
RIGHTS = ("configure", "write", "read")
TIMEOUT = 30
HTTP_ERRORS = 400
UNAUTHORIZED = 401


class ApiError(Exception):
    """The management API did not do what it was asked."""


class UnknownAdminError(ApiError):
    """It does not know the role's own user."""


@dataclass(frozen=True)
class Step:
    """One call that brings the broker nearer to what is wanted; ``what`` tells of it without a secret."""

    what: str
    method: str
    path: str
    body: Mapping[str, Any]


def admin_password(cookie: str) -> str:
    """Return the password of the role's own user: who has the cookie is an administrator anyway."""
    return hmac.new(cookie.strip().encode(), ADMIN.encode(), hashlib.sha256).hexdigest()


def salted(password: str, salt: bytes | None = None) -> str:
    """Return what RabbitMQ keeps of a password."""
    salt = secrets.token_bytes(SALT) if salt is None else salt
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def matches(password: str, kept: str) -> bool:
    """Tell whether ``kept`` is of the password."""
    try:
        salt = base64.b64decode(kept)[:SALT]
    except ValueError:
        return False
    return hmac.compare_digest(salted(password, salt), kept)


class _Connection(http.client.HTTPConnection):
    """To a port of loopback, where nobody but root and the service's user listens."""

    def __init__(self, port: int, uid: int) -> None:
        super().__init__("127.0.0.1", port, timeout=TIMEOUT)
        self._uid = uid

    def connect(self) -> None:
        """Connect; StrangerError where somebody else listens there."""
        super().connect()
        listeners.require(self.port, self._uid)


class Api:
    """The management API of the node on this host."""

    def __init__(self, port: int, password: str, uid: int) -> None:
        """Speak to ``port`` of loopback as the role's own user; RabbitMQ runs as ``uid``."""
        self._connection = _Connection(port, uid)
        login = base64.b64encode(f"{ADMIN}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Return the answer to one call; OSError when nothing answers."""
        content = json.dumps(body) if body is not None else None
        self._connection.request(method, f"/api/{path}", content, self._headers)
        answer = self._connection.getresponse()
        text = answer.read().decode(errors="replace")
        if answer.status == UNAUTHORIZED:
            self._connection.close()  # it opens anew for the next call
            raise UnknownAdminError(text)
        if answer.status >= HTTP_ERRORS:
            raise ApiError(f"{method} {path}: {answer.status} {text}")
        return json.loads(text) if text.strip() else None

    def version(self) -> str:
        """Return the version of this RabbitMQ."""
        return str(self.call("GET", "overview")["rabbitmq_version"])

    def definitions(self) -> dict[str, Any]:
        """Return its users, rights, policies, queues and so on."""
        return dict(self.call("GET", "definitions"))


def known(definition: Mapping[str, Any], version: str) -> dict[str, Any]:
    """Return what of a policy a RabbitMQ of that version takes."""
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    return {key: value for key, value in definition.items() if numbers >= SINCE.get(key, (0, 0))}


def steps(
    now: Mapping[str, Any],
    version: str,
    vhost: str,
    users: Mapping[str, Mapping[str, Any]],
    policies: Mapping[str, Mapping[str, Any]],
    dead_letters: str,
) -> list[Step]:
    """Return what differs between the definitions of a RabbitMQ and what it is to have.

    Users that are not wanted go, and so do policies of the vhost; other vhosts are left alone.
    """
    found = []
    place = quote(vhost, safe="")
    if vhost not in [row["name"] for row in now.get("vhosts", [])]:
        found.append(Step(f"add vhost {vhost}", "PUT", f"vhosts/{place}", {}))
    found += _user_steps(now, users)
    found += _right_steps(now, vhost, {ADMIN: dict.fromkeys(RIGHTS, ".*"), **users})
    found += _policy_steps(now, version, vhost, policies)
    return found + (_dead_steps(now, vhost, dead_letters) if dead_letters else [])


def _user_steps(now: Mapping[str, Any], users: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    found = []
    rows = {row["name"]: row for row in now.get("users", [])}
    for name, user in users.items():
        row = rows.get(name, {})
        kept = str(row.get("password_hash", ""))
        same = kept == user["password_hash"] if user.get("password_hash") else matches(user["password"], kept)
        if row and same and _tags(row.get("tags")) == _tags(user["tags"]):
            continue
        digest = user.get("password_hash") or (kept if same else salted(user["password"]))
        body = {"password_hash": digest, "tags": ",".join(_tags(user["tags"]))}
        body["hashing_algorithm"] = "rabbit_password_hashing_sha256"
        what = "add" if not row else "change" if same else "change the password of"
        found.append(Step(f"{what} user {name}", "PUT", f"users/{quote(name, safe='')}", body))
    return found + [
        Step(f"remove user {name}", "DELETE", f"users/{quote(name, safe='')}", {})
        for name in sorted(set(rows) - set(users) - {ADMIN})
    ]


def _tags(tags: Any) -> list[str]:
    """Read tags as a list, or as older versions write them."""
    words = tags.split(",") if isinstance(tags, str) else tags or []
    return sorted(str(word) for word in words if word)


def _right_steps(now: Mapping[str, Any], vhost: str, users: Mapping[str, Mapping[str, Any]]) -> list[Step]:
    rows = {row["user"]: row for row in now.get("permissions", []) if row["vhost"] == vhost}
    found = []
    for name, user in users.items():
        wanted = {right: user[right] for right in RIGHTS}
        if {right: rows.get(name, {}).get(right) for right in RIGHTS} != wanted:
            path = f"permissions/{quote(vhost, safe='')}/{quote(name, safe='')}"
            found.append(Step(f"set the rights of {name}", "PUT", path, wanted))
    return found


def _policy_steps(
    now: Mapping[str, Any], version: str, vhost: str, policies: Mapping[str, Mapping[str, Any]]
) -> list[Step]:
    place = f"policies/{quote(vhost, safe='')}"
    rows = {row["name"]: row for row in now.get("policies", []) if row["vhost"] == vhost}
    found = []
    for name, policy in policies.items():
        wanted = {**policy, "definition": known(policy["definition"], version)}
        if {key: rows.get(name, {}).get(key) for key in wanted} != wanted:
            found.append(Step(f"set policy {name}", "PUT", f"{place}/{quote(name, safe='')}", wanted))
    return found + [
        Step(f"remove policy {name}", "DELETE", f"{place}/{quote(name, safe='')}", {})
        for name in sorted(set(rows) - set(policies))
    ]


def _dead_steps(now: Mapping[str, Any], vhost: str, name: str) -> list[Step]:
    place, encoded = quote(vhost, safe=""), quote(name, safe="")

    def there(kind: str, **wanted: str) -> bool:
        rows = now.get(kind, [])
        return any({key: row.get(key) for key in wanted} == wanted for row in rows if row["vhost"] == vhost)

    found = []
    if not there("exchanges", name=name):
        body = {"type": "fanout", "durable": True}
        found.append(Step(f"add exchange {name}", "PUT", f"exchanges/{place}/{encoded}", body))
    if not there("queues", name=name):
        queue: dict[str, Any] = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
        found.append(Step(f"add queue {name}", "PUT", f"queues/{place}/{encoded}", queue))
    if not there("bindings", source=name, destination=name):
        path = f"bindings/{place}/e/{encoded}/q/{encoded}"
        found.append(Step(f"bind queue {name}", "POST", path, {"routing_key": "", "arguments": {}}))
    return found
