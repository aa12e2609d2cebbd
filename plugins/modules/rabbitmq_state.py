#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.rabbitmq_state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: rabbitmq_state
short_description: The users, rights, policies and dead letters of a RabbitMQ, in one task
description:
  - Reads what a RabbitMQ has with one call of its management API on loopback, and changes what differs.
  - Adds the user C(celeryops), through which it does so. Its password follows from the Erlang cookie, and is
    kept nowhere.
  - Removes users that are not named, C(guest) among them, and policies of the vhost that are not named.
  - Passwords leave this host's memory as salted hashes only. The diff shows neither.
extends_documentation_fragment: celeryops.systemd.attributes.diff
options:
  vhost:
    description: The vhost of the fleet.
    type: str
    required: true
  users:
    description:
      - By name, how each user logs in (C(password) or C(password_hash)), its C(tags), and the patterns of
        the names that it may C(configure), C(write) and C(read) in the vhost.
    type: dict
    required: true
  policies:
    description: By name, the policies of the vhost as the management API takes them.
    type: dict
    default: {}
  dead_letters:
    description: The exchange and the quorum queue for what cannot be delivered; empty for none.
    type: str
    default: ''
  cookie:
    description: The file with the Erlang cookie, whose owner is the user that RabbitMQ runs as.
    type: path
    default: /var/lib/rabbitmq/.erlang.cookie
  port:
    description: The port of the management API on loopback.
    type: int
    default: 15672
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: A vhost with one user
  celeryops.systemd.rabbitmq_state:
    vhost: shop
    users:
      shop: {password: "{{ vault_shop_password }}", tags: [], configure: .*, write: .*, read: .*}
    policies:
      tasks:
        pattern: .*
        apply-to: queues
        priority: 0
        definition: {delivery-limit: 20}
  no_log: true
"""

RETURN = r"""
steps:
  description: What was changed, or would be.
  returned: success
  type: list
  elements: str
  sample: [add vhost shop, add user shop, remove user guest]
version:
  description: The version of the RabbitMQ; empty where none runs yet.
  returned: success
  type: str
  sample: 4.0.5
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils import listeners, paths, rabbitmq


def introduce(module: AnsibleModule, password: str) -> None:
    """Let RabbitMQ know the role's own user, as root may; the password goes through the standard input."""
    rabbitmqctl = module.get_bin_path("rabbitmqctl", required=True)
    known = module.run_command([rabbitmqctl, "--silent", "list_users"], check_rc=True)[1]
    there = any(line.split()[:1] == [rabbitmq.ADMIN] for line in known.splitlines())
    verb = "change_password" if there else "add_user"
    module.run_command([rabbitmqctl, verb, rabbitmq.ADMIN], data=f"{password}\n", check_rc=True)
    module.run_command([rabbitmqctl, "set_user_tags", rabbitmq.ADMIN, "administrator"], check_rc=True)


def look(module: AnsibleModule, api: rabbitmq.Api, password: str) -> tuple[str, dict[str, Any], list[str]]:
    """Return version and definitions, and what had to be done to read them."""
    try:
        return api.version(), api.definitions(), []
    except rabbitmq.UnknownAdminError:
        told = [f"add user {rabbitmq.ADMIN}"]
        if module.check_mode:
            return "", {}, told
        introduce(module, password)
        return api.version(), api.definitions(), told


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "vhost": {"type": "str", "required": True},
            "users": {"type": "dict", "required": True, "no_log": True},
            "policies": {"type": "dict", "default": {}},
            "dead_letters": {"type": "str", "default": ""},
            "cookie": {"type": "path", "default": "/var/lib/rabbitmq/.erlang.cookie", "no_log": False},
            "port": {"type": "int", "default": 15672},
        },
        supports_check_mode=True,
    )
    asked = module.params
    try:
        password = rabbitmq.admin_password(paths.read(asked["cookie"]).decode())
        api = rabbitmq.Api(asked["port"], password, paths.status(asked["cookie"]).st_uid)
        version, now, told = look(module, api, password)
        todo = rabbitmq.steps(
            now, version, asked["vhost"], asked["users"], asked["policies"], asked["dead_letters"]
        )
        if not module.check_mode:
            for step in todo:
                api.call(step.method, step.path, step.body)
    except OSError as error:
        if module.check_mode:  # it is not installed, or does not run yet
            module.exit_json(changed=True, steps=["set up what it is to have"], version="")
        module.fail_json(msg=f"RabbitMQ's management on 127.0.0.1:{asked['port']}: {error}; start RabbitMQ")
    except (rabbitmq.ApiError, listeners.StrangerError) as error:
        module.fail_json(msg=f"RabbitMQ's management on 127.0.0.1:{asked['port']}: {error}")
    done = told + [step.what for step in todo]
    result: dict[str, Any] = {"changed": bool(done), "steps": done, "version": version}
    if module._diff and done:
        result["diff"] = [{"before": "", "after": "".join(f"{line}\n" for line in done)}]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
