# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The filter celeryops.systemd.broker_users."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.celeryops.systemd.plugins.plugin_utils.broker import redis_acl
from ansible_collections.celeryops.systemd.plugins.plugin_utils.inventory.problems import did_you_mean

DOCUMENTATION = r"""
name: broker_users
short_description: The ACL users of the fleet's Redis
description:
  - Returns the users and their rules, with the least commands, keys and channels that Celery and Flower need.
  - C(celery) is for workers, beat and senders, C(celery-monitor) for Flower; C(default) is off, but where
    there is no password, or where it is asked for.
  - Those of the Sentinels may only ask there, with the same passwords.
  - Passwords are in it as hashes.
positional: of
options:
  _input:
    description:
      - The variables of the role without their prefix.
      - C(password), C(monitor_password), C(previous_passwords), C(default_user), C(key_prefix),
        C(redis_users), C(replica_password).
    type: dict
    required: true
  of:
    description: Whose users.
    type: str
    choices: [redis, sentinel]
    default: redis
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Write the users of Redis
  celeryops.systemd.redis_users:
    path: /etc/celery-redis/celery.acl
    secret: /etc/celery-redis/celery-admin.secret
    users: "{{ asked | celeryops.systemd.broker_users }}"
    url: redis://127.0.0.1:6379/0
  no_log: true
"""

RETURN = r"""
_value:
  description: The rules of each user, as C(ACL SETUSER) takes them, by its name.
  type: dict
"""


def broker_users(asked: Mapping[str, Any], of: str = "redis") -> dict[str, str]:
    """Return the users."""
    users = {"redis": redis_acl.users, "sentinel": redis_acl.sentinel_users}
    if of not in users:
        raise AnsibleFilterError(f"broker_users: of = {of!r}: {did_you_mean(of, users)}")
    return users[of](redis_acl.read(asked))


class FilterModule:
    """Names the filter."""

    def filters(self) -> dict[str, Callable[..., dict[str, str]]]:
        """Return the filter by its name."""
        return {"broker_users": broker_users}
