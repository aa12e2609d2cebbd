# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The variables of the role ``broker``, each of its type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..inventory.problems import Problem
from ..plan import spec
from . import redis_acl


@dataclass(frozen=True)
class BrokerSettings:
    """The role's variables; each field is the variable ``broker_<field>``, and so is each of ``access``."""

    type: str
    url: str
    address: str
    bind: Sequence[str]
    port: int
    access: redis_acl.Access
    tls: bool
    tls_certificate: str
    tls_key: str
    tls_ca: str
    memory_max_mb: int
    maxmemory_mb: int
    redis_settings: Mapping[str, Any]
    rabbitmq: Mapping[str, Any] = field(default_factory=dict)

    @property
    def password(self) -> str:
        """The workers' password."""
        return self.access.password


def read(asked: Mapping[str, Any]) -> BrokerSettings | list[Problem]:
    """Return the variables of their types, or which of them are no numbers; they may come as text.

    :param asked: The role's variables without their prefix.
    """
    numbers = {name: spec.whole(asked[name]) for name in ("port", "memory_max_mb", "maxmemory_mb")}
    odd = [name for name, number in numbers.items() if number is None]
    if odd:
        return [Problem(f"broker_{name}", asked[name], "not a whole number", "set one") for name in odd]
    access = redis_acl.read(asked)
    others: dict[str, Any] = {name: value for name, value in asked.items() if not hasattr(access, name)}
    return BrokerSettings(**{**others, **numbers, "access": access})
