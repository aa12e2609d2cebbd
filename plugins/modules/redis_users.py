#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.redis_users."""

from __future__ import annotations

DOCUMENTATION = r"""
module: redis_users
short_description: The ACL users of a Redis, in its file and in the running server
description:
  - Writes the ACL file, and tells a running Redis what changed in it. No client is disconnected.
  - Adds the user C(celeryops), through which it does so. Its password is made on the host once, in a file
    that only root reads.
  - The diff shows no password and no hash of one.
extends_documentation_fragment: celeryops.systemd.attributes.diff
options:
  path:
    description: The ACL file, as C(aclfile) of the configuration names it.
    type: str
    required: true
  secret:
    description: The file with the password of C(celeryops). It is refused where it is not root's alone.
    type: str
    required: true
  former:
    description: Where an earlier version kept O(secret); it is taken from there where there is none yet.
    type: str
    default: ''
  users:
    description: The rules of each user as C(ACL SETUSER) takes them, by its name.
    type: dict
    required: true
  group:
    description:
      - The group that Redis runs as; it may read the ACL file.
      - Where another user than root and the one of this name listens at O(url), the task fails before it
        logs in.
    type: str
    default: redis
  url:
    description: Where Redis listens on this host, without a login.
    type: str
    required: true
  serves:
    description:
      - Where its clients reach it, with their login, to tell in the same call whether it serves them.
      - Empty asks nothing.
    type: str
    default: ''
  expect:
    description: What its settings have to be, as for M(celeryops.systemd.broker_ping).
    type: dict
    default: {}
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: One user for the workers, and nobody else
  celeryops.systemd.redis_users:
    path: /etc/celery-redis/celery.acl
    secret: /etc/celery-redis/celery-admin.secret
    users:
      default: "off"
      celery: "on #{{ password | hash('sha256') }} ~* &* +@all -@dangerous"
    url: redis://127.0.0.1:6379/0
  no_log: true
"""

RETURN = r"""
changed_paths:
  description: The files that were written, or would be.
  returned: success
  type: list
  elements: str
told:
  description: The users of which the running Redis was told, or would be.
  returned: success
  type: list
  elements: str
  sample: [celery]
serves:
  description:
    - Whether the running Redis needed nothing, serves at O(serves) with O(expect), and leaves no doubt.
    - If not, M(celeryops.systemd.broker_ping) says why.
  returned: success
  type: bool
restart:
  description: Whether a Redis runs that does not know C(celeryops) and has to be restarted to read the file.
  returned: success
  type: bool
"""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import files, listeners, paths, redis_users
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_ask import ask
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import BrokerError
from ansible_collections.celeryops.systemd.plugins.module_utils.resp import RedisError


def file_changes(module: AnsibleModule, secret: str, users: Mapping[str, str]) -> list[files.Change]:
    """Return what differs between the two files and what they are to be."""
    wanted: list[dict[str, Any]] = [
        {
            "path": module.params["secret"],
            "content": f"{secret}\n",
            "mode": "0600",
            "group": "root",
            "once": True,
        },
        {
            "path": module.params["path"],
            "content": redis_users.acl_file(users),
            "mode": "0640",
            "group": module.params["group"],
        },
    ]
    return files.changes([files.entry({"owner": "root", "diff": False, **raw}) for raw in wanted], [])


def differences(module: AnsibleModule, secret: str, users: Mapping[str, str]) -> tuple[list[list[str]], bool]:
    """Return what to tell the running Redis, if one runs, and whether it must restart to read the file.

    RedisError for a rule that this Redis refuses: before the file has it, for Redis would not start again.
    """
    try:
        with redis_users.running(module.params["url"], module.params["group"]) as redis:
            try:
                redis_users.log_in(redis, secret)
            except RedisError:
                return [], True
            return redis_users.differing(redis, users), False
    except BrokerError:
        return [], False  # it reads the file when it starts


def tell(module: AnsibleModule, secret: str, commands: Iterable[Sequence[str]]) -> None:
    """Tell the running Redis."""
    with redis_users.running(module.params["url"], module.params["group"]) as redis:
        redis_users.log_in(redis, secret)
        for command in commands:
            redis.call(*command)


def diff(module: AnsibleModule, before: str, users: Mapping[str, str]) -> list[files.Diff]:
    """Return the difference of the ACL files without their hashes."""
    old, new = redis_users.masked(before), redis_users.masked(redis_users.acl_file(users))
    if old == new and before != redis_users.acl_file(users):
        new += "# a password changed\n"
    path = module.params["path"]
    return [{"before_header": path, "after_header": path, "before": old, "after": new}] if old != new else []


def stored_secret(places: Iterable[str]) -> str:
    """Return the admin's password of an earlier run; PermissionError when somebody else put it there."""
    for place in filter(None, places):
        with suppress(FileNotFoundError):
            return paths.read_of_root(place).decode().strip()
    return ""


def serves(url: str, expected: Mapping[str, Any]) -> bool:
    """Tell whether Redis serves its clients, without a fault or a doubt."""
    try:
        answer = ask(url, redis_users.TIMEOUT) if url else None
    except BrokerError:
        return False
    return answer is not None and not answer.faults(expected) and not answer.doubtful


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "str", "required": True},
            "secret": {"type": "str", "required": True, "no_log": False},
            "former": {"type": "str", "default": ""},
            "users": {"type": "dict", "required": True, "no_log": True},
            "group": {"type": "str", "default": "redis"},
            "url": {"type": "str", "required": True},
            "serves": {"type": "str", "default": "", "no_log": True},
            "expect": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    path = Path(module.params["path"])
    try:
        secret = stored_secret((module.params["secret"], module.params["former"])) or secrets.token_hex(24)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        users = {**module.params["users"], redis_users.ADMIN: f"on #{digest} ~* &* +@all"}
        before = paths.read(str(path)).decode() if path.exists() else ""
        changes = file_changes(module, secret, users)
        commands, restart = differences(module, secret, users)
        if not module.check_mode:
            for change in changes:
                change.apply()
            if commands:
                tell(module, secret, commands)
    except (files.FileError, OSError, BrokerError, RedisError, listeners.StrangerError) as error:
        module.fail_json(msg=f"{path}: {error}")
    changed = bool(changes or commands)
    result = {
        "changed": changed,
        "changed_paths": [change.path for change in changes],
        "told": [command[2] for command in commands],
        "restart": restart,
        "serves": not changed and not restart and serves(module.params["serves"], module.params["expect"]),
    }
    if module._diff:
        result["diff"] = diff(module, before, users)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
