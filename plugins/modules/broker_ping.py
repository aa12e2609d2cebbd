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
  - Of Sentinels it asks each, then the primary that they name; one that does not answer is a warning.
  - For AMQP it logs in, opens the vhost, and reads product and version. Warns of a RabbitMQ that is too old
    for quorum queues, or where a task may be held for longer than RabbitMQ lets it by default.
  - Of several nodes, one has to serve; it warns of those that do not.
  - Nothing is changed. Messages name the URL without its password.
extends_documentation_fragment: celeryops.systemd.attributes
options:
  url:
    description:
      - The URL as Celery takes it, of scheme V(redis), V(rediss), V(sentinel), V(amqp) or V(amqps).
      - Sentinels, or nodes of one RabbitMQ, are told apart by V(;).
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
  ca_file:
    description: The CA to trust, where the URL names none. Empty stands for those of the host.
    type: path
  probe:
    description:
      - Try whether RabbitMQ lets a prefetch count hold for a whole channel, which Celery before 5.7 needs.
      - It leaves nothing behind but a line in RabbitMQ's log.
    type: bool
    default: false
  held:
    description:
      - For how many seconds RabbitMQ has to leave a task with a worker that has not acknowledged it. It takes
        it back after 1800, unless it is told otherwise, and tells nobody what it is set to.
    type: int
    default: 0
  sentinel:
    description:
      - The options of P(celeryops.systemd.broker#lookup), by which the primary is found.
      - C(master_name) counts, and the login of C(sentinel_kwargs).
    type: dict
    default: {}
  expect:
    description: Settings that the broker must have, as RV(settings) names them.
    type: dict
    default: {}
author: celeryops contributors (@celeryops)
"""

EXAMPLES = r"""
- name: Check that this host reaches the broker
  celeryops.systemd.broker_ping:
    url: "{{ lookup('celeryops.systemd.broker', 'worker')['url'] }}"
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
  description:
    - The settings of Redis that decide whether tasks are safe, as C(INFO) tells them.
    - C(global_qos) of RabbitMQ, with O(probe).
  returned: success
  type: dict
  sample: {aof_enabled: "1", maxmemory: "0", maxmemory_policy: noeviction, cluster_enabled: "0", role: master}
"""

import re
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_ask import Answer, SentinelLogin, ask
from ansible_collections.celeryops.systemd.plugins.module_utils.broker_connection import (
    BrokerError,
    NotReadyError,
    public_url,
)

_PAUSE = 0.2
# Of rabbitmq.conf, since 3.8.17; seconds.
DEFAULT_CONSUMER_TIMEOUT = 1800


def ask_until(
    url: str,
    timeout: float,
    wait: float,
    ca_file: str = "",
    probe: bool = False,
    sentinel: SentinelLogin | None = None,
) -> Answer:
    """Return the broker's answer, asking again for ``wait`` seconds while it is not ready."""
    end = time.monotonic() + wait
    while True:
        try:
            return ask(url, timeout, ca_file, probe, sentinel)
        except NotReadyError:
            if time.monotonic() >= end:
                raise
            time.sleep(_PAUSE)


def ask_nodes(
    url: str,
    timeout: float,
    wait: float,
    ca_file: str = "",
    probe: bool = False,
    sentinel: SentinelLogin | None = None,
) -> tuple[Answer, list[str]]:
    """Return the answer of the first node that serves, and what is wrong with the others."""
    answer, wrong, refused = None, [], []
    nodes = url.split(";") if url.startswith("amqp") else [url]
    for node in nodes:
        try:
            found = ask_until(node, timeout, wait, ca_file, probe, sentinel)
            answer = answer or found
        except BrokerError as error:
            wrong.append(f"{public_url(node)}: {error}")
            refused.append(error)
    if answer is None:
        raise refused[0]
    return answer, wrong


def place(url: str) -> str:
    """Return the URL as messages name it: without its database, for what holds the whole of it is hidden."""
    return re.sub(r"(?<=[^/:])/[^;]*", "", public_url(url))


def held_too_long(answer: Answer, held: int) -> list[str]:
    """Return the doubt whether RabbitMQ leaves a task with its worker for long enough."""
    if answer.product != "rabbitmq" or held < DEFAULT_CONSUMER_TIMEOUT:
        return []
    return [
        f"consumer_timeout = unknown: RabbitMQ's default is {DEFAULT_CONSUMER_TIMEOUT} s, and the time limits"
        f" and countdowns here ask for {held}; make sure that it is set to that there"
    ]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True, "no_log": True},
            "timeout": {"type": "float", "default": 5},
            "wait": {"type": "float", "default": 0},
            "sentinel": {"type": "dict", "default": {}, "no_log": True},
            "expect": {"type": "dict", "default": {}},
            "ca_file": {"type": "path"},
            "held": {"type": "int", "default": 0},
            "probe": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    url = module.params["url"]
    shown = place(url)
    try:
        timeout, wait, ca_file = (module.params[name] for name in ("timeout", "wait", "ca_file"))
        sentinel = SentinelLogin.read(module.params["sentinel"])
        answer, unserving = ask_nodes(url, timeout, wait, ca_file or "", module.params["probe"], sentinel)
    except BrokerError as error:
        module.fail_json(msg=f"broker_url = {shown}: {error}")
    for doubt in [*answer.doubtful, *held_too_long(answer, module.params["held"]), *unserving]:
        module.warn(f"broker_url = {shown}: {doubt}")
    wrong = answer.faults(module.params["expect"])
    if wrong:
        module.fail_json(msg="\n".join(f"broker_url = {shown}: {fault}" for fault in wrong))
    module.exit_json(changed=False, product=answer.product, version=answer.version, settings=answer.settings)


if __name__ == "__main__":
    main()
