#!/usr/bin/python
# Copyright: (c) 2026, celeryops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module celeryops.systemd.broker_ping."""

from __future__ import annotations

DOCUMENTATION = r"""
module: broker_ping
short_description: Ask a broker whether it will serve Celery
description:
  - Connects from the host to the broker as Celery would, logs in, and reads what it says of itself.
  - For Redis it logs in, pings, selects the database and reads version, eviction policy and persistence.
    A user that may not read them still passes, with a warning that says what is not known.
  - Refuses a Redis that evicts keys of any kind, is a replica or a Redis Cluster. Warns of one that is too
    old for kombu 5.7, evicts results, or keeps no append-only file.
  - For AMQP it opens the protocol and reads product and version; it does not log in.
  - Nothing is changed. Messages name the URL without its password.
extends_documentation_fragment: action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    platforms: posix
options:
  url:
    description:
      - The URL as Celery takes it, of scheme V(redis), V(rediss), V(amqp) or V(amqps).
      - TLS follows C(ssl_cert_reqs), C(ssl_ca_certs), C(ssl_certfile) and C(ssl_keyfile) of its query.
    type: str
    required: true
  timeout:
    description: Seconds that connecting, and each answer, may take.
    type: float
    default: 5
  wait:
    description: Seconds to keep asking a broker that does not serve yet; one that has just been started, say.
    type: float
    default: 0
  expect:
    description: Settings that the broker must have, as RV(settings) names them.
    type: dict
    default: {}
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check that this host reaches the broker
  celeryops.systemd.broker_ping:
    url: "{{ hostvars | celeryops.systemd.broker_url(groups, host=inventory_hostname) }}"
  no_log: true

- name: Wait for a broker that was just started, and check that it never throws a queue away
  celeryops.systemd.broker_ping:
    url: redis://127.0.0.1:6379/0
    wait: 30
    expect: {maxmemory_policy: noeviction}
"""

RETURN = r"""
product:
  description: V(redis), or what an AMQP broker calls itself.
  returned: success
  type: str
  sample: redis
version:
  description: The broker's version; empty when it does not say.
  returned: success
  type: str
  sample: 7.0.15
settings:
  description: The settings of Redis that decide whether tasks are safe, as C(INFO) tells them.
  returned: success
  type: dict
  sample: {aof_enabled: "1", maxmemory: "0", maxmemory_policy: noeviction, cluster_enabled: "0", role: master}
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_wire import (
    Answer,
    BrokerError,
    NotReadyError,
    ask,
    public_url,
)

_PAUSE = 0.2


def ask_until(url: str, timeout: float, wait: float) -> Answer:
    """Return the broker's answer, asking again for ``wait`` seconds while it is not ready."""
    end = time.monotonic() + wait
    while True:
        try:
            return ask(url, timeout)
        except NotReadyError:
            if time.monotonic() >= end:
                raise
            time.sleep(_PAUSE)


def faults(answer: Answer, expected: dict[str, str]) -> list[str]:
    """Return why a broker that answers is still not the one that was asked for."""
    wrong = [
        f"{name} = {answer.settings.get(name, 'unknown')}, and {value} was asked for; mend its configuration"
        for name, value in expected.items()
        if answer.settings.get(name) != str(value)
    ]
    return [*answer.unsafe, *wrong]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True, "no_log": True},
            "timeout": {"type": "float", "default": 5},
            "wait": {"type": "float", "default": 0},
            "expect": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    url = module.params["url"]
    shown = public_url(url)
    if shown == url:
        module.no_log_values.discard(url)  # without a secret in it, the message may name the whole URL
    try:
        answer = ask_until(url, module.params["timeout"], module.params["wait"])
    except BrokerError as error:
        module.fail_json(msg=f"broker_url = {shown}: {error}")
    for doubt in answer.doubtful:
        module.warn(f"broker_url = {shown}: {doubt}")
    wrong = faults(answer, module.params["expect"])
    if wrong:
        module.fail_json(msg="\n".join(f"broker_url = {shown}: {fault}" for fault in wrong))
    module.exit_json(changed=False, product=answer.product, version=answer.version, settings=answer.settings)


if __name__ == "__main__":
    main()
